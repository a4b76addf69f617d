# SPDX-License-Identifier: MIT
# libhsaprobe(3): each public header with its first sentence and its functions, from the headers
# themselves (arguments). -f roff.awk -v version= -v intro=FILE -v part=FILE
FNR == 1 {
    file_name = FILENAME
    sub(/.*\//, "", file_name)
    headers[++header_count] = file_name
    in_summary = 1
}
# The file's own comment, up to its first empty line.
in_summary && /^\/\/\/ / { summary[header_count] = summary[header_count] substr($0, 5) " "; next }
in_summary && /^\/\/\/$/ { in_summary = 0 }
/^#ifndef/ { in_summary = 0 }
# Families: HSP_SIGNAL_UPDATE(add); stands for what its macro declares.
/HSP_API.*##/ {
    match($0, /hsp_[a-z0-9_]+##[a-z]+(##)?[a-z_]*/)
    family = substr($0, RSTART, RLENGTH)
    tail = family
    sub(/.*##[a-z]+(##)?/, "", tail)
    sub(/##.*/, "", family)
    family_tails[++tail_count] = tail
    next
}
/^HSP_[A-Z_]+\([a-z0-9]+[,)]/ {
    word = $0
    sub(/^[^(]*\(/, "", word)
    sub(/[,)].*/, "", word)
    for (i = 1; i <= tail_count; i++)
        add(family word family_tails[i])
    next
}
/^#undef/ { tail_count = 0 }
/^HSP_API / && match($0, /hsp_[a-z0-9_]+\(/) { add(substr($0, RSTART, RLENGTH - 1)) }

function add(name) {
    functions[header_count] = functions[header_count] (functions[header_count] ? ", " : "") "\\%" name # not to be hyphenated
}

END {
    header("libhsaprobe", 3)
    insert(intro)
    print ".SH HEADERS AND FUNCTIONS"
    print "Each header documents its functions: units, ownership, threads, errors and cost."
    for (i = 1; i <= header_count; i++) {
        print ".TP\n.B <hsaprobe/" roff(headers[i]) ">\n" roff(summary[i])
        if (functions[i])
            print ".IP\n" functions[i]
    }
    insert(part)
}
