# SPDX-License-Identifier: MIT
# awk -f check_includes.awk includes.table FILE...
# Compares every #include of the files (paths from the top of the tree) with the table. Prints each
# violation as "file:line: message" and exits 1 when there was one.

function foreign_families() {
    family["hsa/"] = "hsa"; family["hsakmt"] = "hsakmt"; family["hip/"] = "hip"
    family["amd_comgr"] = "comgr"
    family["libelf.h"] = family["gelf.h"] = family["elfutils/"] = "elf"
    family["zlib.h"] = family["zstd.h"] = "compress"
    family["jansson.h"] = "json"; family["libsmartcols"] = "table"
    family["drm"] = family["amdgpu"] = family["libdrm/"] = "drm"
}

function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }

function begins(s, start) { return substr(s, 1, length(start)) == start }

# A path lies in a folder (or is the header itself, when the row names one).
function inside(path, folder) { return path == folder || begins(path, folder "/") }

function row_of(file,    folder, best) {
    best = ""
    for (folder in ours)
        if (inside(file, folder) && length(folder) > length(best)) best = folder
    return best
}

function complain(message) { print FILENAME ":" FNR ": " message; bad = 1 }

# The path from lib/ that an include of ours names; empty for a file of the same folder.
function resolve(name, quoted,    own) {
    if (begins(name, "hsaprobe/")) return "include/" name
    if (!quoted) return ""
    if (index(name, "/") == 0) return ""
    return name
}

function check_ours(path,    own, allowed, count, i) {
    own = FILENAME
    sub(/\/[^\/]*$/, "", own)
    if (begins(own, "lib/")) {
        if (inside(path, substr(own, 5))) return
        # The folder of the row is one module, with any folders below it.
        if (begins(row, "lib/") && row != "lib/softgpu" && inside(path, substr(row, 5))) return
    }
    count = split(ours[row], allowed, /[ \t]+/)
    for (i = 1; i <= count; i++)
        if (inside(path, allowed[i])) return
    complain(row " must not include " path)
}

function check_foreign(name,    start, allowed) {
    for (start in family) {
        if (!begins(name, start)) continue
        allowed = " " foreign[row] " "
        if (index(allowed, " " family[start] " ") == 0)
            complain(row " must not include <" name ">: " family[start] " isn't its business")
        return
    }
}

BEGIN { FS = "|"; foreign_families() }

FILENAME == ARGV[1] {
    if ($0 !~ /^#/ && NF == 3) { ours[trim($1)] = trim($2); foreign[trim($1)] = trim($3); rows++ }
    next
}

FNR == 1 {
    row = row_of(FILENAME)
    files++
    if (row == "") complain("no row of the table covers this file")
}

row != "" && match($0, /^[ \t]*#[ \t]*include[ \t]*[<"][^>"]*[>"]/) {
    quoted = index($0, "\"") > 0
    name = substr($0, RSTART, RLENGTH)
    sub(/^[^<"]*[<"]/, "", name)
    sub(/[>"]$/, "", name)
    path = resolve(name, quoted)
    if (path != "") check_ours(path)
    else if (!quoted) check_foreign(name)
}

END {
    if (rows == 0 || files == 0) { print "no table or no files"; exit 2 }
    if (bad) exit 1
    print files " files, " rows " rows: all includes as the table has them"
}
