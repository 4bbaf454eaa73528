"""measure.py FILE command...: run a command, and write its seconds, the peak of its resident memory in KiB and the bytes it has written to a disk."""
import subprocess, sys, threading, time

start = time.monotonic()
child = subprocess.Popen(sys.argv[2:])
peak = written = 0


def watch():
    global peak, written
    while child.poll() is None:
        try:
            for line in open("/proc/%d/status" % child.pid):
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]))
            for line in open("/proc/%d/io" % child.pid):
                if line.startswith("write_bytes:"):
                    written = max(written, int(line.split()[1]))
        except OSError:
            pass
        time.sleep(0.02)


threading.Thread(target=watch, daemon=True).start()
status = child.wait()
with open(sys.argv[1], "w") as f:
    f.write("%.3f %d %d\n" % (time.monotonic() - start, peak, written))
sys.exit(status if status >= 0 else 128 - status)
