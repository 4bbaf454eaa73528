/*
 * src/config/help.h - help, manual page and completion, all from the rows of commands and options
 */
#ifndef DRTOOL_CONFIG_HELP_H
#define DRTOOL_CONFIG_HELP_H

#include "src/base/buf.h"
#include "src/config/command.h"

void help_overview(struct buf *out);                         /* drtool help; at most 80 columns */
void help_command(struct buf *out, enum command_id command); /* drtool help COMMAND; at most 80 columns */
void help_man(struct buf *out);                              /* roff with man(7) macros */
void help_completion(struct buf *out);                       /* for bash */

#endif
