# SPDX-License-Identifier: MIT
# What the pages' scripts share: text that man(7) shows as it is.
function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    if (text ~ /^[.']/)
        text = "\\&" text
    return text
}

function header(name, section) {
    print ".\\\" Generated; its source is in tools/man."
    print ".TH " toupper(roff(name)) " " section " \"\" \"hsaprobe " version "\" hsaprobe"
    print ".ad l"
}

# A part written by hand, where there is one.
function insert(file,    line) {
    while ((getline line < file) > 0)
        if (line !~ /SPDX-License-Identifier/)
            print line
    close(file)
}

# A paragraph. One that has indented lines keeps its lines.
function paragraph(lines, count,    i, is_table) {
    for (i = 1; i <= count; i++)
        is_table = is_table || lines[i] ~ /^ /
    if (!count)
        return
    print ".PP"
    if (is_table)
        print ".nf"
    for (i = 1; i <= count; i++)
        print roff(lines[i])
    if (is_table)
        print ".fi"
}
