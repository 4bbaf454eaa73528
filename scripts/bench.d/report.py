"""report.py RESULTS: medians, ratios, and whether they are what is wanted."""
import collections, statistics, sys

rows = collections.OrderedDict()
for line in open(sys.argv[1]):
    name, seconds, peak, size, written = line.rstrip("\n").split("\t")
    rows.setdefault(name, []).append((float(seconds), int(peak), int(size), int(written)))
median = {n: [statistics.median(c) for c in zip(*v)] for n, v in rows.items()}
print("\n%-46s %9s %9s %12s %12s" % ("", "seconds", "peak MiB", "bytes", "disk written"))
for name, (seconds, peak, size, written) in median.items():
    print("%-46s %9s %9s %12s %12s" % (name, "%.2f" % seconds if seconds else "", int(peak) or "", int(size) or "", int(written) if seconds else ""))


def ratio(what, over, target):
    best = [median[o][0] for o in over if o in median]
    if what not in median or not best:
        return
    value = median[what][0] / min(best)
    print("%-78s %6.2f  %6.2f  %s" % ("%s / %s" % (what, over[0] if len(over) == 1 else "best of " + ", ".join(over)), value, target, "yes" if value <= target else "NO"))


print("\n%-78s %6s  %6s  %s" % ("", "ratio", "target", "reached"))
for db, over, target in (("shop", "pg_dump 18 -Fd -j2 -Z zstd:1", 0.95), ("shop", "pg_dump 15 -Fd -j2", 0.36), ("single", "pg_dump 18 -Fd -j2 -Z zstd:1", 0.65), ("small", "pg_dump 18 -Fd -j2 -Z zstd:1", 1.0)):
    ratio(db + " snapshot", [db + " " + over], target)
ratio("shop snapshot again", ["shop snapshot"], 0.90)
ratio("shop restore", ["shop pg_restore 18 -j2 and vacuumdb", "shop pg_restore 18 -j4 and vacuumdb"], 1.0)
for db in ("shop", "single", "small", "large"):
    first, new = median.get(db + " snapshot"), median.get(db + " bytes new in the second")
    if first and new and first[2]:
        value = 100 * new[2] / first[2]
        print("%-78s %5.2f%%  %5.2f%%  %s" % (db + ": new bytes of the second snapshot / of the first", value, 0.1, "yes" if value <= 0.1 else "NO"))
for what, over, target in (("snapshot to S3", "snapshot", 1.25), ("snapshot to S3", "pg_dump 15 | zstd -3 -T0 | aws s3 cp", 0.6), ("restore from S3", "restore", 1.25),
                           ("snapshot to S3, 50 ms a request", "snapshot", 1.5), ("restore from S3, 50 ms a request", "restore", 1.5)):
    ratio("shop " + what, ["shop " + over], target)


def at_most(what, target):
    if what in median:
        value = median[what][0]
        print("%-78s %5.2f s %5.2f s  %s" % (what, value, target, "yes" if value <= target else "NO"))


at_most("shop swap with 50 clients: nobody can log in", 1)
at_most("shop swap with 50 clients: nobody is answered", 1)
at_most("shop replace by the standby copy", 2)
ratio("shop replace --usable-first, until usable", ["shop pg_restore 18 -j2 and vacuumdb", "shop pg_restore 18 -j4 and vacuumdb"], 0.70)
said, was = (rows.get("shop replace" + what, []) for what in (", predicted by a restore of half of it", ", as it was"))
if said and was:
    value = max(abs(s[0] - w[0]) / w[0] for s, w in zip(said, was))
    print("%-78s %5.0f%%  %5.0f%%  %s" % ("the prediction that was farthest off, of what then happened", 100 * value, 25, "yes" if value <= 0.25 else "NO"))
disk = [v[3] for n, v in median.items() if "S3" in n and "aws" not in n]
if disk:
    print("%-78s %6d  %6d  %s" % ("most bytes drtool has written to a disk with the repository in a bucket", max(disk), 1 << 20, "yes" if max(disk) <= 1 << 20 else "NO"))
peaks = [v[1] for n, v in median.items() if n.split(" ", 1)[1].split(" to S3")[0].split(" from S3")[0] in ("snapshot", "snapshot again", "restore", "verify") and not n.startswith("large")]
if peaks:
    print("%-78s %6d  %6d  %s" % ("peak memory of drtool in MiB, large rows aside", max(peaks), 256, "yes" if max(peaks) <= 256 else "NO"))
