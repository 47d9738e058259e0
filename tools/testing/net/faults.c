// SPDX-License-Identifier: GPL-2.0
/*
 * Refuses one allocation of a system call after the other (/proc/thread-self/fail-nth).
 *
 *	faults ADDRESS
 *
 * One process plays both ends of a short connection to the local ADDRESS. For each call of it
 * the whole is played again and again, the nth time with the nth allocation of that call
 * refused, until it has no nth one. Either the call fails and says why, or the
 * connection goes on to its end; then another one without faults must go well.
 * Prints `ok CALL, N allocations` or `no CALL: why` per call.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MPTCP		262
#ifndef SOL_MPTCP
#define SOL_MPTCP	284
#endif
#define MPTCP_INFO	1
#define LENGTH		20000
#define MOST		2000

static union {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} local;
static socklen_t local_length;

static struct {
	int listener, client, server;
} fds;

static char sent[LENGTH], got[LENGTH];
static int fail_nth;
static char why[300];

static int new_socket(void)
{
	struct timeval bound = { .tv_sec = 60 };
	int fd = socket(local.any.sa_family, SOCK_STREAM, MPTCP);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound));
	}
	return fd;
}

static int send_all(int fd)
{
	return (int)send(fd, sent, LENGTH, MSG_NOSIGNAL);
}

/* Whatever came; compared at the end of the play. */
static int receive_all(int fd)
{
	size_t have = 0;

	memset(got, 0, LENGTH);
	while (have < LENGTH) {
		ssize_t n = recv(fd, got + have, LENGTH - have, 0);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	if (have == LENGTH && !memcmp(got, sent, LENGTH))
		return 0;
	errno = EBADMSG;
	return -1;
}

static int receive_end(int fd)
{
	ssize_t n = recv(fd, got, 1, 0);

	if (n > 0)
		errno = EBADMSG;
	return n == 0 ? 0 : -1;
}

static int do_socket(void) { return fds.listener = new_socket(); }
static int do_bind(void)
{
	local.v4.sin_port = 0;
	return bind(fds.listener, &local.any, local_length);
}
static int do_listen(void)
{
	socklen_t size = local_length;

	if (listen(fds.listener, 8) < 0)
		return -1;
	return getsockname(fds.listener, &local.any, &size);
}
static int do_client(void) { return fds.client = new_socket(); }
static int do_connect(void) { return connect(fds.client, &local.any, local_length); }
static int do_accept(void) { return fds.server = accept(fds.listener, NULL, NULL); }
static int do_option(void)
{
	int one = 1;

	return setsockopt(fds.client, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}
static int do_send(void) { return send_all(fds.client); }
static int do_recv(void) { return receive_all(fds.server); }
static int do_answer(void) { return send_all(fds.server); }
static int do_recv_answer(void) { return receive_all(fds.client); }
static int do_info(void)
{
	char info[512];
	socklen_t size = sizeof(info);

	return getsockopt(fds.client, SOL_MPTCP, MPTCP_INFO, info, &size);
}
static int do_shutdown(void) { return shutdown(fds.client, SHUT_WR); }
static int do_recv_end(void) { return receive_end(fds.server); }
static int do_close_server(void)
{
	int fd = fds.server;

	fds.server = -1;
	return close(fd);
}
static int do_recv_last(void) { return receive_end(fds.client); }
static int do_close(void)
{
	int fd = fds.client;

	fds.client = -1;
	return close(fd);
}
static int do_close_listener(void)
{
	int fd = fds.listener;

	fds.listener = -1;
	return close(fd);
}

static const struct {
	const char *name;
	int (*call)(void);
} steps[] = {
	{ "socket", do_socket },
	{ "bind", do_bind },
	{ "listen", do_listen },
	{ "socket of the client", do_client },
	{ "connect", do_connect },
	{ "accept", do_accept },
	{ "setsockopt", do_option },
	{ "send", do_send },
	{ "recv", do_recv },
	{ "send by the server", do_answer },
	{ "recv by the client", do_recv_answer },
	{ "getsockopt", do_info },
	{ "shutdown", do_shutdown },
	{ "recv of the end", do_recv_end },
	{ "close by the server", do_close_server },
	{ "recv of the last", do_recv_last },
	{ "close", do_close },
	{ "close of the listener", do_close_listener },
};
enum { STEPS = sizeof(steps) / sizeof(*steps) };

static void arm(int nth)
{
	char text[12];
	int length = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(fail_nth, text, (size_t)length, 0) != length) {
		perror("fail-nth");
		exit(1);
	}
}

/* Was it refused? */
static bool disarm(void)
{
	char text[12] = "";

	if (pread(fail_nth, text, sizeof(text) - 1, 0) < 1) {
		perror("fail-nth");
		exit(1);
	}
	arm(0);
	return atoi(text) == 0;
}

/* TCP's own bind() takes a port for used that it has no memory to use. */
static bool honest(int error, int (*call)(void))
{
	return error == ENOMEM || error == ENOBUFS || error == EAGAIN || error == ENFILE ||
	       (error == EADDRINUSE && call == do_bind);
}

static void close_all(void)
{
	if (fds.client >= 0)
		close(fds.client);
	if (fds.server >= 0)
		close(fds.server);
	if (fds.listener >= 0)
		close(fds.listener);
}

/* With the nth allocation of `faulty` refused; says whether there was one. */
static bool play(int faulty, int nth)
{
	bool refused = false;

	fds.client = fds.server = fds.listener = -1;
	for (int i = 0; i < STEPS && !*why; i++) {
		int result, error;

		if (i == faulty)
			arm(nth);
		result = steps[i].call();
		error = errno;
		if (i == faulty)
			refused = disarm();
		if (result >= 0)
			continue;
		if (i == faulty && refused && honest(error, steps[i].call))
			break;
		snprintf(why, sizeof(why), "with allocation %d refused, %s gave: %s", nth, steps[i].name,
			 strerror(error));
	}
	close_all();
	return refused;
}

static void refuse_each(int faulty)
{
	int nth;

	*why = 0;
	for (nth = 1; nth < MOST && !*why; nth++) {
		bool refused = play(faulty, nth);

		if (!*why)
			play(-1, 0);
		if (!refused)
			break;
	}
	if (*why)
		printf("no %s: %s\n", steps[faulty].name, why);
	else
		printf("ok %s, %d allocations\n", steps[faulty].name, nth - 1);
}

int main(int argc, char **argv)
{
	if (argc == 2 && inet_pton(AF_INET, argv[1], &local.v4.sin_addr) == 1) {
		local.v4.sin_family = AF_INET;
		local_length = sizeof(local.v4);
	} else if (argc == 2 && inet_pton(AF_INET6, argv[1], &local.v6.sin6_addr) == 1) {
		local.v6.sin6_family = AF_INET6;
		local_length = sizeof(local.v6);
	} else {
		fprintf(stderr, "usage: faults ADDRESS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; i < LENGTH; i++)
		sent[i] = (char)(i * 7 + i / 251);
	/* A page fault of ours would be one of the allocations. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth < 0) {
		perror("/proc/thread-self/fail-nth");
		return 1;
	}
	play(-1, 0);
	if (*why) {
		printf("no fault at all: %s\n", why);
		return 1;
	}
	for (int i = 0; i < STEPS; i++)
		refuse_each(i);
	return 0;
}
