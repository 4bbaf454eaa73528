/* src/cmd/version.c - drtool version */
#include "src/cmd/say.h"
#include "storage/repository/repository.h"

bool cmd_version(struct cmd *c, struct err *e)
{
	if (cmd_json(c))
		return say_result_json(
		        json_pack("{s:s, s:i}", "version", DRTOOL_VERSION, "repository_format", REPOSITORY_FORMAT), e);
	return say_result(view_str("drtool " DRTOOL_VERSION "\n"), e);
}
