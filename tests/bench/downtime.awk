# downtime.awk -v size=MB -v fs=NAME -v kind=KIND FIGURES: the table of
# downtime.sh, and its bars: lines "met ..." and "missed ...".
#
# The engine's own part is left out in two ways: of the whole downtime, and of
# the time from the last end of a service to the first start, which does not
# waver with what a server does at its end.  A bar is for the greater one.

function median(v, n,	i, j, t)
{
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
			t = v[j]
			v[j] = v[j - 1]
			v[j - 1] = t
		}
	return v[int((n + 1) / 2)]
}

function column(what, c,	i, v)
{
	for (i = 1; i <= n[what]; i++)
		v[i] = x[what, i, c]
	return median(v, n[what])
}

function row(title, what, own,	less, gap)
{
	less = column(what, 2) - column(own, 2)
	gap = column(what, 3) - column(own, 3)
	printf "%-26s%9d%9d%9d%9d%9d%9d\n", title, column(what, 2),
	    column(own, 2), less, gap, column(what, 4) / 1e6, column(what, 5)
	return less > gap ? less : gap
}

function judge(got, bar, sentence)
{
	printf "%s %d ms, bar %d: %s\n", got <= bar ? "met" : "missed", got,
	    bar, sentence
}

{
	n[$1]++
	for (i = 2; i <= NF; i++)
		x[$1, n[$1], i] = $i
}

END {
	printf "%d MB on %s, %d rounds, medians in ms\n\n", size, fs, n["tar"]
	printf "%-26s%9s%9s%9s%9s%9s%9s\n", "", "down", "engine", "less",
	    "all down", "MB read", "files"
	quiet = row("backup.sh, 1 % changed", "backup", "engine")
	other = row("tar | pigz -6", "tar", "compose")
	loaded = row("backup.sh, pgbench -c 4", "loaded-backup",
	    "loaded-engine")
	print ""
	judge(quiet, other / 50, "with 1 % changed, 1/50 of tar | pigz -6")
	if (kind == "")
		judge(loaded, column("loaded-backup", 4) / 1e6 + 300,
		    "under load, what was read at 1 GB/s, and 0.3 s")
	else
		judge(loaded, column("loaded-backup", 5) / 20 + 300,
		    "under load, 50 us for each changed file, and 0.3 s")
}
