/* src/cmd/answer.c - see document.h */
#include "src/cmd/answer.h"

#include "src/base/clock.h"
#include "src/cmd/report.h"

json_t *answer_text(const char *text)
{
	json_t *value;
	char *copy;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	copy = xstrdup(text);
	for (char *at = copy; *at; at++) {
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	}
	value = json_string(copy);
	free(copy);
	return value;
}

json_t *answer_time(int64_t utc_us)
{
	char text[CLOCK_TEXT_SIZE];

	clock_rfc3339(text, utc_us);
	return json_string(text);
}

json_t *answer_seconds(int64_t us)
{
	return json_real((double)(us / 1000) / 1000.0);
}

json_t *answer_share(double share)
{
	return json_real((double)(int64_t)(share * 1000 + (share < 0 ? -0.5 : 0.5)) / 1000);
}

json_t *answer_count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *answer_manifest(const struct manifest *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", answer_text(m->id));
	json_object_set_new(o, "database", answer_text(m->database));
	json_object_set_new(o, "dbname", answer_text(m->dbname));
	json_object_set_new(o, "tag", *m->tag ? answer_text(m->tag) : json_null());
	json_object_set_new(o, "server", answer_text(m->server));
	json_object_set_new(o, "server_version", json_integer(m->server_version));
	json_object_set_new(o, "taken_on", answer_text(m->host));
	json_object_set_new(o, "standby", json_boolean(m->on_standby));
	json_object_set_new(o, "started", answer_time(m->started_us));
	json_object_set_new(o, "instant", answer_time(m->instant_us));
	json_object_set_new(o, "finished", answer_time(m->finished_us));
	json_object_set_new(o, "tables", answer_count(m->tables));
	json_object_set_new(o, "rows", answer_count(m->rows));
	json_object_set_new(o, "bytes", answer_count(m->plain_bytes));
	json_object_set_new(o, "stored_new_bytes", answer_count(m->stored_new_bytes));
	json_object_set_new(o, "database_size", answer_count(m->database_size));
	json_object_set_new(o, "drtool_version", answer_text(m->drtool_version));
	return o;
}

json_t *answer_phases(const struct proof_phase *phases, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *phase = json_object();

		json_object_set_new(phase, "phase", answer_text(phases[i].name));
		json_object_set_new(phase, "seconds", answer_seconds(phases[i].duration_us));
		json_array_append_new(list, phase);
	}
	return list;
}

json_t *answer_kept(const struct kept_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->count; i++) {
		const struct kept *k = &l->items[i];
		json_t *o = json_object();

		json_object_set_new(o, "kind", json_string("kept"));
		json_object_set_new(o, "name", answer_text(k->name));
		json_object_set_new(o, "until", answer_time(k->until_us));
		json_object_set_new(o, "replaced_by", *k->by ? answer_text(k->by) : json_null());
		json_object_set_new(o, "size", k->size < 0 ? json_null() : json_integer(k->size));
		json_object_set_new(o, "sessions", json_integer(k->sessions));
		json_object_set_new(o, "half_dropped", json_boolean(k->broken));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *answer_standby(const struct standby *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string("standby"));
	json_object_set_new(o, "name", answer_text(s->name));
	json_object_set_new(o, "snapshot", answer_text(s->snapshot_id));
	json_object_set_new(o, "since", answer_time(s->since_us));
	json_object_set_new(o, "size", s->size < 0 ? json_null() : json_integer(s->size));
	json_object_set_new(o, "sessions", json_integer(s->sessions));
	json_object_set_new(o, "half_dropped", json_boolean(s->broken));
	return o;
}

static json_t *difference(const struct proof_difference *d)
{
	json_t *o = json_object();

	json_object_set_new(o, "object", answer_text(d->object));
	json_object_set_new(o, "what", answer_text(d->what));
	json_object_set_new(o, "source_fault", json_boolean(d->source_fault));
	return o;
}

json_t *answer_proof(const struct proof *p)
{
	json_t *o, *list;

	if (!p)
		return json_null();
	o = json_object();
	list = json_array();
	for (size_t i = 0; i < p->difference_count; i++)
		json_array_append_new(list, difference(&p->differences[i]));
	json_object_set_new(o, "snapshot", answer_text(p->snapshot_id));
	json_object_set_new(o, "database", answer_text(p->database));
	json_object_set_new(o, "outcome", answer_text(report_outcome(p->outcome)));
	json_object_set_new(o, "started", answer_time(p->started_us));
	json_object_set_new(o, "finished", answer_time(p->finished_us));
	json_object_set_new(o, "seconds", answer_seconds(p->finished_us - p->started_us));
	json_object_set_new(o, "where", answer_text(p->where));
	json_object_set_new(o, "server_version", json_integer(p->server_version));
	json_object_set_new(o, "tables", answer_count(p->tables));
	json_object_set_new(o, "rows", answer_count(p->rows));
	json_object_set_new(o, "bytes", answer_count(p->plain_bytes));
	json_object_set_new(o, "sequences", answer_count(p->sequences));
	json_object_set_new(o, "large_objects", answer_count(p->large_objects));
	json_object_set_new(o, "phases", answer_phases(p->phases, p->phase_count));
	json_object_set_new(o, "differences", list);
	json_object_set_new(o, "standby", p->standby ? answer_text(p->standby->name) : json_null());
	return o;
}
