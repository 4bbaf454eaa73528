#include "restore/memory_file.h"

#include <errno.h>
#include <sys/mman.h>

#include "src/base/file.h"

int memory_file(const char *name, struct view content, struct err *e)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0) {
		err_sys(e, errno, "create a file in memory");
		return -1;
	}
	if (!file_write_all(fd, content, name, e)) {
		close(fd);
		return -1;
	}
	return fd;
}

void memory_file_path(char out[32], int fd)
{
	snprintf(out, 32, "/dev/fd/%d", fd);
}
