/*
 * tests/e2e/count_calls.c - preloaded: how often drtool asks the kernel for what moves a table's rows, and how much
 * each time
 *
 * At its end the process appends one line of NAME=VALUE words to the file DRTOOL_TEST_CALLS. Its children count
 * nothing: the environment says whom to count by name in DRTOOL_TEST_CALLS_OF.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOMY (64u << 10)

static atomic_ullong receives, received, received_roomy, sends, sent, polls, sleeps, reads, bytes_read, writes, written;

/* The next definition of a function, the C library's. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void count(atomic_ullong *calls, atomic_ullong *bytes, ssize_t n)
{
	(*calls)++;
	if (n > 0)
		*bytes += (unsigned long long)n;
}

ssize_t recv(int fd, void *to, size_t room, int flags)
{
	ssize_t n = NEXT(recv)(fd, to, room, flags);

	count(&receives, &received, n);
	if (n > 0 && room >= ROOMY)
		received_roomy += (unsigned long long)n;
	return n;
}

ssize_t send(int fd, const void *from, size_t len, int flags)
{
	ssize_t n = NEXT(send)(fd, from, len, flags);

	count(&sends, &sent, n);
	return n;
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	polls++;
	return NEXT(poll)(fds, n, timeout);
}

int nanosleep(const struct timespec *pause, struct timespec *left)
{
	sleeps++;
	return NEXT(nanosleep)(pause, left);
}

ssize_t read(int fd, void *to, size_t room)
{
	ssize_t n = NEXT(read)(fd, to, room);

	count(&reads, &bytes_read, n);
	return n;
}

ssize_t pread64(int fd, void *to, size_t room, off64_t at)
{
	ssize_t n = NEXT(pread64)(fd, to, room, at);

	count(&reads, &bytes_read, n);
	return n;
}

ssize_t write(int fd, const void *from, size_t len)
{
	ssize_t n = NEXT(write)(fd, from, len);

	count(&writes, &written, n);
	return n;
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("DRTOOL_TEST_CALLS"), *of = getenv("DRTOOL_TEST_CALLS_OF");
	FILE *out;

	if (!path || !of || strcmp(program_invocation_short_name, of) != 0)
		return;
	out = fopen(path, "ae");
	if (!out)
		return;
	fprintf(out, "receives=%llu received=%llu received_roomy=%llu sends=%llu sent=%llu polls=%llu sleeps=%llu",
	        receives, received, received_roomy, sends, sent, polls, sleeps);
	fprintf(out, " reads=%llu bytes_read=%llu writes=%llu written=%llu\n", reads, bytes_read, writes, written);
	fclose(out);
}
