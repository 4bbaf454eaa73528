/* src/cmd/hook.c - see hook.h */
#include "src/cmd/hook.h"

#include "src/base/child.h"
#include "src/cmd/say.h"

#define FACTS_MAX 8
#define ENV_MAX   64

static const struct {
	const char *name, *key;
	bool refuses;
} hooks[] = {
	[HOOK_BEFORE] = { "before", "hooks.before", true },
	[HOOK_BEFORE_SWAP] = { "before_swap", "hooks.before_swap", true },
	[HOOK_AFTER_SWAP] = { "after_swap", "hooks.after_swap", false },
	[HOOK_AFTER] = { "after", "hooks.after", false },
};

const char *hook_command(enum hook_id id, const struct cmd *c)
{
	return config_text(c->config, hooks[id].key);
}

/* A variable of an outer run would mislead: what is not known is taken away. */
static void add_facts(const char **env, size_t *count, const struct hook_facts *facts, struct arena *a)
{
	const struct {
		const char *name, *value;
	} list[FACTS_MAX] = {
		{ "DRTOOL_ACTION", facts->action },
		{ "DRTOOL_DATABASE", facts->database },
		{ "DRTOOL_SERVER", facts->server },
		{ "DRTOOL_SNAPSHOT", facts->snapshot },
		{ "DRTOOL_SAFETY_SNAPSHOT", facts->safety },
		{ "DRTOOL_REPLACEMENT", facts->replacement },
		{ "DRTOOL_KEPT", facts->kept },
		{ "DRTOOL_OUTCOME", facts->outcome },
	};

	for (size_t i = 0; i < FACTS_MAX; i++)
		env[(*count)++] = list[i].value && *list[i].value
		                          ? arena_printf(a, "%s=%s", list[i].name, list[i].value)
		                          : list[i].name;
}

bool hook_shell(
        const char *command, const struct hook_facts *facts, const char *const *env, const struct cmd *c, struct err *e)
{
	const char *all[ENV_MAX + FACTS_MAX + 1];
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	const struct child_spec spec = {
		.argv = argv, .env = all, .stdout_fd = STDERR_FILENO, .stderr_fd = STDERR_FILENO
	};
	struct child child = CHILD_INIT;
	struct arena a = ARENA_INIT;
	size_t count = 0;
	int status = 0;
	bool ok;

	for (size_t i = 0; env && env[i] && count < ENV_MAX; i++)
		all[count++] = env[i];
	add_facts(all, &count, facts, &a);
	all[count] = NULL;
	say_status("");
	ok = child_start(&child, &spec, e) && child_wait_status(&status, &child, c->cancel, e);
	child_abort(&child);
	arena_release(&a);
	return ok && (status == 0 || err_set(e, ERR_FAILED, "the command ended with status %d", status));
}

bool hook_run(enum hook_id id, const struct hook_facts *facts, const struct cmd *c, struct err *e)
{
	const char *command = hook_command(id, c);
	char where[256];

	if (!command)
		return true;
	say_info("hook %s", hooks[id].name); /* not what it says: there may be a secret in it */
	if (hook_shell(command, facts, NULL, c, e))
		return true;
	config_where(where, c->config, hooks[id].key);
	if (hooks[id].refuses && e->kind == ERR_FAILED) {
		e->kind = ERR_REFUSED;
		err_hint(e, "nothing was changed; what the hook wrote stands above");
	}
	return err_wrap(e, "%s: hook %s", where, hooks[id].name);
}
