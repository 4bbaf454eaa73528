/* src/cmd/progress.c - see progress.h */
#include "src/cmd/progress.h"

#include <pthread.h>
#include <sys/ioctl.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/cmd/say.h"
#include "src/cmd/text.h"
#include "src/config/value.h"

#define TICK_MS         100
#define SETTLE_US       500000 /* no rate or ETA from less than this */
#define WORTH_SAYING_US 1000000
#define HALF_LIFE_US    5000000.0
#define NARROWEST       10
#define DEFAULT_COLUMNS 80

struct progress {
	struct observer observer;
	struct progress_sample sample;     /* lock */
	int64_t phase_started_us, last_us; /* lock */
	bool terminal;
	pthread_t ticker;
	bool ticking;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* lock */
};

double progress_rate(double rate, uint64_t n, int64_t dt_us)
{
	double now, weight;

	if (dt_us <= 0)
		return rate;
	now = (double)n * 1e6 / (double)dt_us;
	weight = (double)dt_us / ((double)dt_us + HALF_LIFE_US);
	return rate > 0 ? rate + (now - rate) * weight : now;
}

int64_t progress_left_us(const struct progress_sample *s)
{
	if (s->elapsed_us < SETTLE_US)
		return -1;
	if (s->bytes_total > 0) {
		if (s->bytes_done > s->bytes_total || s->rate < 1)
			return -1;
		return (int64_t)((double)(s->bytes_total - s->bytes_done) / s->rate * 1e6);
	}
	if (s->items_done == 0 || s->items_done > s->items_total)
		return -1;
	return (int64_t)((double)s->elapsed_us / (double)s->items_done * (double)(s->items_total - s->items_done));
}

/* Append a part when it fits; false when it does not, and then nothing after it is tried. */
static bool part(struct buf *out, size_t columns, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool part(struct buf *out, size_t columns, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (text_width(buf_str(out)) + text_width(text) + (out->len ? 2 : 0) > columns)
		return false;
	buf_addf(out, "%s%s", out->len ? "  " : "", text);
	return true;
}

static bool percent_part(struct buf *out, const struct progress_sample *s, size_t columns)
{
	bool bytes = s->bytes_total > 0;
	uint64_t done = bytes ? s->bytes_done : s->items_done, total = bytes ? s->bytes_total : s->items_total;

	/* The total is an estimate (table sizes against COPY text): passing it says nothing about the end. */
	return total == 0 || done > total ||
	       part(out, columns, "%u %%", (unsigned)((double)done * 100 / (double)total));
}

static bool bytes_part(struct buf *out, const struct progress_sample *s, size_t columns)
{
	char done[TEXT_SIZE], total[TEXT_SIZE];

	text_bytes(done, s->bytes_done);
	if (s->bytes_total >= s->bytes_done && s->bytes_total > 0)
		return part(out, columns, "%s of %s", done, text_bytes(total, s->bytes_total));
	return s->bytes_done == 0 || part(out, columns, "%s", done);
}

static bool rate_part(struct buf *out, const struct progress_sample *s, size_t columns)
{
	char rate[TEXT_SIZE];

	return s->rate < 1 || s->elapsed_us < SETTLE_US ||
	       part(out, columns, "%s/s", text_bytes(rate, (uint64_t)s->rate));
}

void progress_line(struct buf *out, const struct progress_sample *s, unsigned width)
{
	size_t columns = width > NARROWEST ? width - 1 : NARROWEST;
	int64_t left = progress_left_us(s);
	char clock[TEXT_SIZE];

	if (!part(out, columns, "%s", s->phase) || !percent_part(out, s, columns))
		return;
	if (left >= 0 && !part(out, columns, "ETA %s", text_clock(clock, left)))
		return;
	if (!bytes_part(out, s, columns) || !rate_part(out, s, columns))
		return;
	if (s->items_total > 0)
		part(out, columns, "%llu/%llu", (unsigned long long)s->items_done, (unsigned long long)s->items_total);
}

static unsigned terminal_columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	struct err ignored = ERR_INIT;
	int64_t columns;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	if (text && value_number(&columns, text, 1, 10000, &ignored))
		return (unsigned)columns;
	return DEFAULT_COLUMNS;
}

static void announce_phase(const struct progress_sample *s)
{
	char bytes[TEXT_SIZE], items[TEXT_SIZE];

	text_bytes(bytes, s->bytes_total);
	text_count(items, s->items_total);
	if (s->bytes_total > 0 && s->items_total > 0)
		say_info("%s: %s, %s items", s->phase, bytes, items);
	else if (s->bytes_total > 0)
		say_info("%s: %s", s->phase, bytes);
	else if (s->items_total > 0)
		say_info("%s: %s items", s->phase, items);
	else
		say_info("%s", s->phase);
}

static void end_phase(struct progress *p)
{
	char took[TEXT_SIZE];

	if (p->sample.phase && !p->terminal && p->last_us - p->phase_started_us >= WORTH_SAYING_US)
		say_info("%s: %s", p->sample.phase, text_duration(took, p->last_us - p->phase_started_us));
	p->sample.phase = NULL;
}

static void look(struct progress *p)
{
	const char *phase = atomic_load(&p->observer.phase);
	int64_t now = clock_monotonic_us();
	uint64_t done = atomic_load(&p->observer.bytes_done);
	struct progress_sample *s = &p->sample;

	if (phase != s->phase) {
		p->last_us = now;
		end_phase(p);
		*s = (struct progress_sample){ .phase = phase };
		p->phase_started_us = now;
	}
	if (!phase)
		return;
	if (done >= s->bytes_done && now > p->last_us)
		s->rate = progress_rate(s->rate, done - s->bytes_done, now - p->last_us);
	s->bytes_done = done;
	s->bytes_total = atomic_load(&p->observer.bytes_total);
	s->items_done = atomic_load(&p->observer.items_done);
	s->items_total = atomic_load(&p->observer.items_total);
	s->elapsed_us = now - p->phase_started_us;
	if (!p->terminal && s->elapsed_us == 0)
		announce_phase(s);
	p->last_us = now;
}

static void draw(struct progress *p)
{
	struct buf line = BUF_INIT;

	if (p->sample.phase)
		progress_line(&line, &p->sample, terminal_columns());
	say_status(buf_str(&line));
	buf_release(&line);
}

/* Plain lines name every phase, however short. */
static void phase_begun(void *cookie)
{
	struct progress *p = cookie;

	pthread_mutex_lock(&p->lock);
	look(p);
	pthread_mutex_unlock(&p->lock);
}

static void *tick(void *cookie)
{
	struct progress *p = cookie;
	struct timespec until;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		look(p);
		if (p->terminal)
			draw(p);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&p->wake, &p->lock, &until);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct progress *progress_start(void)
{
	struct progress *p = xcalloc(1, sizeof(*p));
	const char *term = getenv("TERM");

	p->observer.note = say_note;
	p->terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	if (!p->terminal && !say_is_quiet())
		p->observer.phase_begun = phase_begun;
	p->observer.cookie = p;
	p->ticking = !say_is_quiet() && pthread_create(&p->ticker, NULL, tick, p) == 0;
	return p;
}

struct observer *progress_observer(struct progress *p)
{
	return &p->observer;
}

void progress_stop(struct progress *p)
{
	if (!p)
		return;
	if (p->ticking) {
		pthread_mutex_lock(&p->lock);
		p->stop = true;
		pthread_cond_signal(&p->wake);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->ticker, NULL);
		look(p);
		end_phase(p);
		say_status("");
	}
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
