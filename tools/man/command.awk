# SPDX-License-Identifier: MIT
# hsaprobe-NAME(1) from `hsaprobe NAME --help` (standard input), so that the page has the options
# that the command has. -f roff.awk -v name= -v summary= -v version= -v part=FILE -v pages=NAMES
#
# argp prints: usage, summary, options from column 3 with their texts at column 30, a remark about
# short options, and after an empty line what the command has to add.
BEGIN { state = "usage" }

state == "usage" && /^(Usage:| )/ {
    sub(/^(Usage:|  or:) */, NR == 1 || /or:/ ? "\n" : "")
    sub(/^ +/, "")
    usage = usage (usage && !/^\n/ ? " " : "") $0
    next
}
state == "usage" { state = "summary" }
state == "summary" && !NF { state = "options"; next }
state == "summary" { next }
# A text may go on with an option's name, but not this far to the left.
state == "options" && match($0, /^ +-/) && RLENGTH < 10 {
    line = $0
    sub(/^ +/, "", line)
    at = match(line, /  +/)
    words[++option_count] = at ? substr(line, 1, at - 1) : line
    texts[option_count] = at ? substr(line, at + RLENGTH) : ""
    next
}
state == "options" && /^ +/ {
    sub(/^ +/, "")
    texts[option_count] = texts[option_count] (texts[option_count] ? " " : "") $0
    next
}
state == "options" && !NF { next }
state == "options" && /^Mandatory or optional/ { state = "remark"; next }
state == "options" { state = "details" }
state == "remark" && !NF { state = "details"; next }
state == "details" { details[++detail_count] = $0 }

function synopsis(    forms, count, i, words_after) {
    print ".SH SYNOPSIS"
    count = split(usage, forms, "\n")
    for (i = 2; i <= count; i++) {
        words_after = forms[i]
        sub(/.*\[--help\] ?/, "", words_after) # what argp lists before are the options below
        sub(/.*\[OPTION\.\.\.\] ?/, "", words_after)
        print (i > 2 ? ".br" : ".PP")
        print ".B hsaprobe " name
        print roff("[OPTION...] " words_after)
    }
}

function description(    i, count, lines) {
    print ".SH DESCRIPTION"
    print roff(toupper(substr(summary, 1, 1)) substr(summary, 2)) "."
    for (i = 1; i <= detail_count + 1; i++) {
        if (i <= detail_count && details[i] != "") {
            lines[++count] = details[i]
        } else {
            paragraph(lines, count)
            count = 0
        }
    }
}

function see_also(    names, count, i) {
    print ".SH SEE ALSO"
    print ".BR hsaprobe (1),"
    count = split(pages, names, " ")
    for (i = 1; i <= count; i++)
        if (names[i] != name)
            print ".BR hsaprobe\\-" names[i] " (1),"
    print ".BR libhsaprobe (3)"
}

END {
    header("hsaprobe-" name, 1)
    print ".SH NAME\nhsaprobe\\-" name " \\- " roff(summary)
    synopsis()
    description()
    print ".SH OPTIONS"
    for (i = 1; i <= option_count; i++) {
        sub(/see below/, "see above", texts[i]) # a page has its description first
        print ".TP\n.B " roff(words[i]) "\n" roff(texts[i])
    }
    insert(part)
    print ".SH EXIT STATUS"
    print "0 done, 1 failed, 2 wrong command line or environment variable, 3 a comparison found a"
    print "regression, 77 no suitable device."
    if (name == "soft")
        print "With a program: the program's, 126 or 127 when there is none to execute."
    see_also()
}
