# SPDX-License-Identifier: MIT
# hsaprobe(1) from the table of commands (standard input: NAME SUMMARY...), and what is written by
# hand. -f roff.awk -v version= -v intro=FILE -v part=FILE
{
    names[NR] = $1
    sub(/^[^ ]+ /, "")
    summaries[NR] = $0
}

END {
    header("hsaprobe", 1)
    insert(intro)
    print ".SH COMMANDS"
    for (i = 1; i <= NR; i++)
        print ".TP\n.BR hsaprobe\\-" names[i] " (1)\n" roff(summaries[i])
    insert(part)
    print ".SH SEE ALSO"
    for (i = 1; i <= NR; i++)
        print ".BR hsaprobe\\-" names[i] " (1),"
    print ".BR libhsaprobe (3)"
}
