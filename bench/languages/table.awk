# SPDX-License-Identifier: MIT
# Owns: the table. Reads rows.txt, then the results: round, key, figure, value on each line. Medians over the rounds; the ratio is the
# median of the rounds' own ratios.
# Run by: run.sh.

function median(key, figure,    count, i, j, t, values) {
    count = split(seen[key, figure], values, " ")
    if (count == 0)
        return ""
    for (i = 2; i <= count; i++)
        for (j = i; j > 1 && values[j - 1] + 0 > values[j] + 0; j--) {
            t = values[j]
            values[j] = values[j - 1]
            values[j - 1] = t
        }
    return count % 2 ? values[(count + 1) / 2] : (values[count / 2] + values[count / 2 + 1]) / 2
}

function add(key, figure, value) {
    seen[key, figure] = seen[key, figure] " " value
}

# within a round
function compare(r, key, figure, to, ratio) {
    if ((r, key, figure) in of_round && of_round[r, to, figure] > 0)
        add(key, ratio, of_round[r, key, figure] / of_round[r, to, figure])
}

function shown(value, format) {
    return value == "" ? "" : sprintf(format, value)
}

function copies_of(key, bytes) {
    bytes = median(key, "copied_bytes")
    if (bytes == "")
        return ""
    if (bytes < 0 && bytes > -192) # what the two runs differ by beside the packets
        bytes = 0
    return sprintf("%.1f", bytes / 3840) (loops[key] > 0 ? " + " loops[key] : "")
}

function allocations_of(key, text) {
    text = shown(median(key, "allocations"), "%.1f")
    sub(/^-0\.0$/, "0.0", text)
    if (median(key, "objects") != "")
        text = text sprintf(", and %.1f of Go's", median(key, "objects"))
    if (median(key, "heap_bytes") != "")
        text = text sprintf(", and %d bytes of V8's", median(key, "heap_bytes"))
    return text
}

# What the library said of the frames that were lost.
function told_of(key) {
    if (median(key, "told") != "")
        return sprintf("%d frames lost; hidden: %d", median(key, "told"), median(key, "hidden"))
    if (median(key, "flags") != "")
        return median(key, "flags") + 0 == 0 ? "nothing" : sprintf("\"overflow\", %d times", median(key, "flags"))
    return ""
}

function row(key) {
    return "| " head[key] " | " shown(median(key, "ns"), "%d") " | " shown(median(key, "ns_of_c"), "%.1f") \
        " | " shown(median(key, "ns_of_first"), "%.2f") " | " shown(median(key, "cpu_us"), "%d") \
        " | " shown(median(key, "cpu_of_first"), "%.2f") " | " copies_of(key) " | " allocations_of(key) \
        " | " shown(median(key, "lost_before_pause"), "%d") " | " shown(median(key, "lost_in_pause"), "%d") " | " told_of(key) " |"
}

FILENAME == rows {
    if ($0 !~ /^#/) {
        split($0, field, "|")
        order[++row_count] = field[1]
        loops[field[1]] = field[2]
        head[field[1]] = field[3] " | " field[4]
        if (!(field[3] in first))
            first[field[3]] = field[1]
        base[field[1]] = first[field[3]]
    }
    next
}

{
    add($2, $3, $4)
    of_round[$1, $2, $3] = $4
    rounds = $1 > rounds ? $1 : rounds
}

END {
    for (i = 1; i <= row_count; i++)
        for (r = 1; r <= rounds; r++) {
            key = order[i]
            compare(r, key, "ns", "c:view", "ns_of_c")
            compare(r, key, "ns", base[key], "ns_of_first")
            compare(r, key, "cpu_us", base[key], "cpu_of_first")
            if ((r, key, "lost") in of_round)
                add(key, "lost_in_pause", of_round[r, key, "lost"] - of_round[r, key, "lost_before_pause"])
            if ((r, key, "told") in of_round)
                add(key, "hidden", of_round[r, key, "lost"] - of_round[r, key, "told"])
        }
    print "| language | for each packet | virtual time, ns | to C | to looking | on the card, µs of processor | to acap, looking | copies | allocations | frames lost, no pause | frames lost in the pause | what the library said of it |"
    print "|---|---|---:|---:|---:|---:|---:|---|---|---:|---:|---|"
    for (i = 1; i <= row_count; i++)
        if (median(order[i], "cpu_us") != "" || median(order[i], "ns") != "")
            print row(order[i])
}
