/* tests/unit/test_banned.c - headers that a source file may include still compile after src/base/banned.h has poisoned
 * names */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cyaml/cyaml.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <zstd.h>
#include <zstd_errors.h>
#define XXH_INLINE_ALL
#include <arpa/inet.h>
#include <dirent.h>
#include <fnmatch.h>
#include <ftw.h>
#include <getopt.h>
#include <glob.h>
#include <grp.h>
#include <iconv.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <uchar.h>
#include <wctype.h>
#include <xxhash.h>
#if __has_include(<archive.h>)
#include <archive.h>
#endif
#if __has_include(<curl/curl.h>)
#include <curl/curl.h>
#endif
#if __has_include(<microhttpd.h>)
#include <microhttpd.h>
#endif
#if __has_include(<pg_query.h>)
#include <pg_query.h>
#endif

/* The check is that this file compiles; base.cmake adds one test per name that a file using it does not. */
static void banned_header_was_in_force(void **state)
{
	(void)state;
#ifndef DRTOOL_BASE_BANNED_H
	fail_msg("built without src/base/banned.h");
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(banned_header_was_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
