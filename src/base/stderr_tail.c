/* src/base/stderr_tail.c - see stderr_tail.h */
#include "src/base/stderr_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/buf.h"

#define PIPE_MOST ((size_t)1 << 20) /* more than a pipe holds: fs.pipe-max-size */

struct stderr_tail {
	int fd, stop; /* the pipe; an eventfd that ends the thread */
	bool running;
	pthread_t thread;
	pthread_mutex_t lock;
	size_t total;                    /* guarded by lock: bytes seen */
	char ring[STDERR_TAIL_SIZE];     /* guarded by lock: byte i of the stream is at i modulo its size */
	char text[STDERR_TAIL_SIZE + 1]; /* the caller's copy, in order */
};

static void keep(struct stderr_tail *t, const char *data, size_t len)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < len; i++)
		t->ring[t->total++ % STDERR_TAIL_SIZE] = data[i];
	pthread_mutex_unlock(&t->lock);
}

static void *collect(void *cookie)
{
	struct stderr_tail *t = cookie;
	struct pollfd ready[2] = { { .fd = t->fd, .events = POLLIN }, { .fd = t->stop, .events = POLLIN } };
	size_t after_stop = 0;
	char data[4096];

	for (;;) {
		ssize_t n = read(t->fd, data, sizeof(data)); /* does not block */

		if (n > 0) {
			keep(t, data, (size_t)n);
			if (ready[1].revents)
				after_stop += (size_t)n;
			if (after_stop > PIPE_MOST) /* somebody else is writing on and on */
				return NULL;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			return NULL;
		} else if (ready[1].revents) { /* told to stop, and the pipe has been empty since */
			return NULL;
		} else {
			poll(ready, 2, -1);
		}
	}
}

static bool start_thread(struct stderr_tail *t)
{
	pthread_attr_t attributes;
	sigset_t all, before;

	/* Signals belong to the threads that know what to do with them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, (size_t)256 << 10);
	errno = pthread_create(&t->thread, &attributes, collect, t);
	t->running = errno == 0;
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return t->running;
}

struct stderr_tail *stderr_tail_start(int fd, struct err *e)
{
	struct stderr_tail *t = xcalloc(1, sizeof(*t));

	t->fd = fd;
	pthread_mutex_init(&t->lock, NULL);
	t->stop = eventfd(0, EFD_CLOEXEC);
	if (t->stop < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || !start_thread(t)) {
		err_sys(e, errno, "read the messages of a program");
		stderr_tail_free(t);
		return NULL;
	}
	return t;
}

void stderr_tail_stop(struct stderr_tail *t)
{
	uint64_t one = 1;

	if (!t->running)
		return;
	while (write(t->stop, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(t->thread, NULL);
	t->running = false;
}

void stderr_tail_free(struct stderr_tail *t)
{
	if (!t)
		return;
	stderr_tail_stop(t);
	close(t->fd);
	if (t->stop >= 0)
		close(t->stop);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

const char *stderr_tail_text(struct stderr_tail *t)
{
	size_t len, first;

	pthread_mutex_lock(&t->lock);
	len = t->total < STDERR_TAIL_SIZE ? t->total : STDERR_TAIL_SIZE;
	first = t->total - len;
	for (size_t i = 0; i < len; i++) {
		char c = t->ring[(first + i) % STDERR_TAIL_SIZE];

		t->text[i] = c;
		if (c == '\0')
			t->text[i] = '?';
	}
	pthread_mutex_unlock(&t->lock);
	t->text[len] = '\0';
	return t->text;
}

/* How well a line says why: a full disk makes a program complain of other things afterwards. */
static int names_error(const char *line, size_t len)
{
	static const char *const words[] = { "error:", "ERROR:", "fatal:", "FATAL:", "PANIC:" };
	static const char full[] = "No space left on device";

	if (memmem(line, len, full, strlen(full)))
		return 2;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (memmem(line, len, words[i], strlen(words[i])))
			return 1;
	}
	return 0;
}

void stderr_tail_reason(char *out, size_t size, struct stderr_tail *t)
{
	const char *line = stderr_tail_text(t), *last = "";
	size_t last_len = 0;
	int named = 0;

	while (*line) {
		size_t line_len = strcspn(line, "\n"), len = line_len;

		while (len > 0 && (unsigned char)line[len - 1] <= ' ')
			len--;
		if (len > 0 && names_error(line, len) >= named) {
			last = line;
			last_len = len;
			named = names_error(line, len);
		}
		line += line_len + (line[line_len] == '\n');
	}
	snprintf(out, size, "%.*s", (int)last_len, last);
}
