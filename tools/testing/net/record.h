// SPDX-License-Identifier: GPL-2.0
/*
 * What happened last, to be printed when something is wrong; and all of it in the kernel's log,
 * where it stands before what the kernel has to say to it.
 */
#include <pthread.h>
#include <stdarg.h>

enum { LINES_KEPT = 60 };

static int kmsg;
static char record[LINES_KEPT][200];
static unsigned int recorded;
static pthread_mutex_t record_lock = PTHREAD_MUTEX_INITIALIZER;

static void open_kernel_log(void)
{
	kmsg = open("/dev/kmsg", O_RDWR | O_NONBLOCK);
	if (kmsg < 0) {
		perror("/dev/kmsg");
		exit(2);
	}
	lseek(kmsg, 0, SEEK_END);
}

__attribute__((format(printf, 1, 2))) static void keep(const char *format, ...)
{
	char line[240], *at;
	va_list arguments;
	int length;

	pthread_mutex_lock(&record_lock);
	at = record[recorded++ % LINES_KEPT];
	va_start(arguments, format);
	vsnprintf(at, sizeof(record[0]), format, arguments);
	va_end(arguments);
	length = snprintf(line, sizeof(line), "<7>rawfuzz: %s", at);
	/* The log may be in a hurry: the record is there all the same. */
	if (write(kmsg, line, (size_t)length) < 0)
		errno = 0;
	pthread_mutex_unlock(&record_lock);
}

static void forget_record(void) { recorded = 0; }

static void print_record(void)
{
	unsigned int first = recorded > LINES_KEPT ? recorded - LINES_KEPT : 0;

	for (unsigned int i = first; i < recorded; i++)
		printf("# %s\n", record[i % LINES_KEPT]);
}
