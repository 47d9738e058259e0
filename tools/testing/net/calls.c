// SPDX-License-Identifier: GPL-2.0
/*
 * What the socket calls say: errors, flags, readiness, time limits and signals, each as a
 * case of its own in a process of its own with 10 seconds to live, SLOW=N (in the environment)
 * times as many on a slow machine.
 *
 *	calls [-p PROTOCOL] ADDRESS UNREACHABLE [NAME]
 *
 * ADDRESS is a local one, UNREACHABLE one on a link where nobody answers for it.
 * Prints `ok NAME` or `no NAME: why` per case.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TCP_INQ
#define TCP_INQ		36
#define TCP_CM_INQ	TCP_INQ
#endif

typedef union {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} address_t;

static int protocol = 262;
static const char *local_text, *dead_text;
static char *why;	/* Shared with the process of the case. */
static int slow = 1;	/* How many times slower than our limits the machine is. */

static void no(int line, const char *format, ...)
{
	va_list values;
	int length = sprintf(why, "line %d: ", line);

	va_start(values, format);
	vsnprintf(why + length, 400, format, values);
	va_end(values);
	_exit(1);
}

/* A call that gives this, and one that fails with that. */
#define gives(call, value) do { \
	long got_ = (long)(call), want_ = (long)(value); \
	if (got_ != want_) \
		no(__LINE__, "%s is %ld (%s), not %ld", #call, got_, got_ < 0 ? strerror(errno) : "-", want_); \
} while (0)
#define fails(call, error) do { \
	long got_ = (long)(call); \
	if (got_ >= 0) \
		no(__LINE__, "%s is %ld, not %s", #call, got_, #error); \
	if (errno != (error)) \
		no(__LINE__, "%s says %s, not %s", #call, strerror(errno), #error); \
} while (0)
#define works(call) ({ \
	long got_ = (long)(call); \
	if (got_ < 0) \
		no(__LINE__, "%s: %s", #call, strerror(errno)); \
	(int)got_; \
})
#define holds(condition) do { \
	if (!(condition)) \
		no(__LINE__, "not %s", #condition); \
} while (0)

static address_t parse(const char *text, int port)
{
	address_t to = {};

	if (inet_pton(AF_INET, text, &to.v4.sin_addr) == 1) {
		to.v4.sin_family = AF_INET;
		to.v4.sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, text, &to.v6.sin6_addr) == 1) {
		to.v6.sin6_family = AF_INET6;
		to.v6.sin6_port = htons((uint16_t)port);
	} else {
		exit(2);
	}
	return to;
}

static socklen_t size_of(const address_t *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static int make(void)
{
	address_t local = parse(local_text, 0);

	return works(socket(local.any.sa_family, SOCK_STREAM, protocol));
}

static address_t name_of(int fd)
{
	address_t name;
	socklen_t length = sizeof(name);

	works(getsockname(fd, &name.any, &length));
	return name;
}

static int listening(address_t *at)
{
	int fd = make();

	*at = parse(local_text, 0);
	works(bind(fd, &at->any, size_of(at)));
	works(listen(fd, 8));
	*at = name_of(fd);
	return fd;
}

static int call(const address_t *to)
{
	int fd = make();

	works(connect(fd, &to->any, size_of(to)));
	return fd;
}

static void pair(int *client, int *server)
{
	address_t at;
	int listener = listening(&at);

	*client = call(&at);
	*server = works(accept(listener, NULL, NULL));
	close(listener);
}

static int error_of(int fd)
{
	int error = 0;
	socklen_t length = sizeof(error);

	works(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length));
	return error;
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t length = sizeof(value);

	works(getsockopt(fd, SOL_SOCKET, option, &value, &length));
	return value;
}

static void set(int fd, int level, int option, int value)
{
	works(setsockopt(fd, level, option, &value, sizeof(value)));
}

/* Readiness within the time: the events, 0 for none. */
static int ready(int fd, int events, int ms)
{
	struct pollfd one = { .fd = fd, .events = (short)events };

	works(poll(&one, 1, ms));
	return one.revents;
}

static void nonblocking(int fd)
{
	works(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

/* Does something in another process after a while. */
#define later(ms, action) do { \
	if (!fork()) { \
		usleep((ms) * 1000); \
		action; \
		_exit(0); \
	} \
} while (0)

static void nothing(int signal)
{
	(void)signal;
}

static void interrupt_in(int ms, int flags)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = flags };
	struct itimerval in = { .it_value.tv_usec = ms * 1000 };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &in, NULL);
}

static long now_ms(void)
{
	struct timeval now;

	gettimeofday(&now, NULL);
	return now.tv_sec * 1000 + now.tv_usec / 1000;
}

static void time_limit(int fd, int option, int ms)
{
	struct timeval limit = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	works(setsockopt(fd, SOL_SOCKET, option, &limit, sizeof(limit)));
}

/* --- what a fresh socket says --- */

static void fresh_socket(void)
{
	address_t local = parse(local_text, 0);
	int fd = make();
	char octet;

	gives(option_of(fd, SO_PROTOCOL), protocol);
	gives(option_of(fd, SO_TYPE), SOCK_STREAM);
	gives(option_of(fd, SO_DOMAIN), local.any.sa_family);
	fails(recv(fd, &octet, 1, 0), ENOTCONN);
	fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	fails(shutdown(fd, SHUT_WR), ENOTCONN);
	fails(accept(fd, NULL, NULL), EINVAL);
	fails(getpeername(fd, &local.any, &(socklen_t){ sizeof(local) }), ENOTCONN);
	gives(ready(fd, POLLIN | POLLOUT, 0) & (POLLHUP | POLLOUT | POLLIN | POLLERR), POLLHUP | POLLOUT);
}

static void wrong_types(void)
{
	address_t local = parse(local_text, 0);

	if (protocol != 262)
		return;
	fails(socket(local.any.sa_family, SOCK_DGRAM, protocol), EPROTONOSUPPORT);
	fails(socketpair(local.any.sa_family, SOCK_STREAM, protocol, (int[2]){}), EOPNOTSUPP);
}

static void bind_errors(void)
{
	address_t at, foreign = parse(dead_text, 0);
	int listener = listening(&at), fd = make();

	fails(bind(fd, &at.any, size_of(&at)), EADDRINUSE);
	fails(bind(fd, &foreign.any, size_of(&foreign)), EADDRNOTAVAIL);
	fails(bind(listener, &at.any, size_of(&at)), EINVAL);
	fails(bind(fd, &at.any, 3), EINVAL);
}

static void names(void)
{
	address_t at, mine, theirs;
	socklen_t length = sizeof(theirs);
	int listener = listening(&at), client = call(&at), server;

	gives(option_of(listener, SO_ACCEPTCONN), 1);
	server = works(accept(listener, &theirs.any, &length));
	mine = name_of(client);
	gives(length, size_of(&mine));
	holds(!memcmp(&mine, &theirs, size_of(&mine)));
	length = sizeof(theirs);
	works(getpeername(client, &theirs.any, &length));
	holds(!memcmp(&at, &theirs, size_of(&at)));
	mine = name_of(server);
	holds(!memcmp(&at, &mine, size_of(&at)));
	gives(option_of(server, SO_PROTOCOL), protocol ? protocol : IPPROTO_TCP);
}

/* --- connect --- */

static address_t closed_port(void)
{
	address_t at;
	int fd = listening(&at);

	close(fd);
	return at;
}

static void connect_refused(void)
{
	address_t at = closed_port();
	int fd = make();

	fails(connect(fd, &at.any, size_of(&at)), ECONNREFUSED);
	gives(error_of(fd), 0);
}

static void connect_refused_then_retried(void)
{
	address_t at = closed_port();
	int fd = make(), listener;

	fails(connect(fd, &at.any, size_of(&at)), ECONNREFUSED);
	listener = listening(&at);
	works(connect(fd, &at.any, size_of(&at)));
	works(accept(listener, NULL, NULL));
}

static void connect_refused_nonblocking(void)
{
	address_t at = closed_port();
	int fd = make(), mask;

	nonblocking(fd);
	if (connect(fd, &at.any, size_of(&at)) == 0)
		no(__LINE__, "connect to nobody succeeds");
	if (errno != EINPROGRESS)
		no(__LINE__, "connect says %s", strerror(errno));
	mask = ready(fd, POLLIN | POLLOUT, 2000);
	holds(mask & POLLERR && mask & POLLHUP && mask & POLLOUT);
	gives(error_of(fd), ECONNREFUSED);
	gives(error_of(fd), 0);
}

static void connect_nonblocking(void)
{
	address_t at;
	int listener = listening(&at), fd = make();

	nonblocking(fd);
	fails(connect(fd, &at.any, size_of(&at)), EINPROGRESS);
	gives(ready(fd, POLLOUT, 2000), POLLOUT);
	gives(error_of(fd), 0);
	/* The first call after the success may say so, those after it do not. */
	connect(fd, &at.any, size_of(&at));
	fails(connect(fd, &at.any, size_of(&at)), EISCONN);
	gives(ready(fd, POLLIN | POLLOUT, 0), POLLOUT);
	works(accept(listener, NULL, NULL));
}

static void connect_in_progress(void)
{
	address_t at = parse(dead_text, 9);
	char octet;
	int fd = make();

	nonblocking(fd);
	fails(connect(fd, &at.any, size_of(&at)), EINPROGRESS);
	fails(connect(fd, &at.any, size_of(&at)), EALREADY);
	gives(ready(fd, POLLIN | POLLOUT, 50), 0);
	fails(send(fd, "x", 1, MSG_NOSIGNAL), EAGAIN);
	fails(recv(fd, &octet, 1, 0), EAGAIN);
	works(close(fd));
}

static void connect_unreachable(void)
{
	address_t at = parse(dead_text, 9);
	int fd = make();

	fails(connect(fd, &at.any, size_of(&at)), EHOSTUNREACH);
}

static void connect_time_limit(void)
{
	address_t at = parse(dead_text, 9);
	int fd = make();

	time_limit(fd, SO_SNDTIMEO, 200);
	fails(connect(fd, &at.any, size_of(&at)), EINPROGRESS);
}

static void connect_interrupted(void)
{
	address_t at = parse(dead_text, 9);
	int fd = make();

	interrupt_in(200, 0);
	fails(connect(fd, &at.any, size_of(&at)), EINTR);
}

static void connect_on_a_listener(void)
{
	address_t at;
	int fd = listening(&at);

	fails(connect(fd, &at.any, size_of(&at)), EISCONN);
}

static void disconnect_and_again(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	address_t at;
	int listener = listening(&at), fd = call(&at), first = works(accept(listener, NULL, NULL)), second;
	char octet;

	works(connect(fd, &none, sizeof(none)));
	fails(recv(first, &octet, 1, 0), ECONNRESET);
	works(connect(fd, &at.any, size_of(&at)));
	second = works(accept(listener, NULL, NULL));
	gives(send(fd, "x", 1, 0), 1);
	gives(recv(second, &octet, 1, 0), 1);
}

static void v4_mapped(void)
{
	address_t any = parse("::", 0), to = parse("::ffff:127.0.0.1", 0), plain = parse("127.0.0.1", 0);
	int listener = works(socket(AF_INET6, SOCK_STREAM, protocol)), client, server;
	char octet;

	works(bind(listener, &any.any, sizeof(any.v6)));
	works(listen(listener, 4));
	any = name_of(listener);
	plain.v4.sin_port = to.v6.sin6_port = any.v6.sin6_port;
	for (int i = 0; i < 2; i++) {
		address_t *at = i ? &to : &plain, peer;
		socklen_t length = sizeof(peer);

		client = works(socket(at->any.sa_family, SOCK_STREAM, protocol));
		works(connect(client, &at->any, size_of(at)));
		server = works(accept(listener, &peer.any, &length));
		gives(peer.any.sa_family, AF_INET6);
		holds(IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr));
		gives(send(client, "x", 1, 0), 1);
		gives(recv(server, &octet, 1, 0), 1);
		gives(send(server, "y", 1, 0), 1);
		gives(recv(client, &octet, 1, 0), 1);
		close(client);
		close(server);
	}
}

/* --- accept --- */

static void accept_nothing(void)
{
	address_t at;
	int fd = listening(&at);

	nonblocking(fd);
	fails(accept(fd, NULL, NULL), EAGAIN);
	gives(ready(fd, POLLIN, 0), 0);
	call(&at);
	gives(ready(fd, POLLIN, 1000), POLLIN);
}

static void accept_waits(void)
{
	address_t at;
	int fd = listening(&at);

	later(100, call(&at); usleep(200000));
	works(accept(fd, NULL, NULL));
}

static void accept_interrupted(void)
{
	address_t at;
	int fd = listening(&at);

	interrupt_in(100, 0);
	fails(accept(fd, NULL, NULL), EINTR);
}

static void accept_nonblocking_child(void)
{
	address_t at;
	int fd = listening(&at), child;
	char octet;

	call(&at);
	child = works(accept4(fd, NULL, NULL, SOCK_NONBLOCK));
	fails(recv(child, &octet, 1, 0), EAGAIN);
}

static void children_inherit(void)
{
	address_t at;
	int fd = listening(&at), child, plain = make();

	set(fd, SOL_SOCKET, SO_RCVBUF, 50000);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	call(&at);
	child = works(accept(fd, NULL, NULL));
	gives(option_of(child, SO_RCVBUF), 100000);
	gives(option_of(child, SO_KEEPALIVE), 1);
	gives(option_of(plain, SO_KEEPALIVE), 0);
}

static void listener_closed_with_children(void)
{
	address_t at;
	int fd = listening(&at), client = call(&at);
	char octet;

	close(fd);
	fails(recv(client, &octet, 1, 0), ECONNRESET);
}

static void listener_shut_down(void)
{
	address_t at;
	int fd = listening(&at), other = make();

	works(shutdown(fd, SHUT_RDWR));
	fails(accept(fd, NULL, NULL), EINVAL);
	fails(connect(other, &at.any, size_of(&at)), ECONNREFUSED);
	works(listen(fd, 4));
}

/* --- recv --- */

static void receive_nothing(void)
{
	int client, server;
	char octet;
	long began;

	pair(&client, &server);
	fails(recv(client, &octet, 1, MSG_DONTWAIT), EAGAIN);
	time_limit(client, SO_RCVTIMEO, 200);
	began = now_ms();
	fails(recv(client, &octet, 1, 0), EAGAIN);
	/* It waited. On a busy host a guest's jiffies lag behind its clock, and the time limit with them. */
	holds(now_ms() - began >= 100);
	nonblocking(client);
	fails(recv(client, &octet, 1, 0), EAGAIN);
	gives(ready(client, POLLIN, 0), 0);
}

static void receive_interrupted(void)
{
	int client, server;
	char octet;

	pair(&client, &server);
	interrupt_in(100, 0);
	fails(recv(client, &octet, 1, 0), EINTR);
	later(300, send(server, "x", 1, 0));
	interrupt_in(100, SA_RESTART);
	gives(recv(client, &octet, 1, 0), 1);
}

static void peek(void)
{
	int client, server;
	char text[20] = "";

	pair(&client, &server);
	gives(send(client, "abcdef", 6, 0), 6);
	gives(recv(server, text, 3, MSG_PEEK), 3);
	gives(recv(server, text, 20, MSG_PEEK), 6);
	gives(recv(server, text, 2, 0), 2);
	gives(recv(server, text, 20, MSG_PEEK), 4);
	holds(!memcmp(text, "cdef", 4));
	gives(recv(server, text, 20, 0), 4);
	holds(!memcmp(text, "cdef", 4));
	fails(recv(server, text, 20, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
}

static void peek_waits_for_all(void)
{
	int client, server;
	char text[20] = "";

	pair(&client, &server);
	gives(send(client, "abc", 3, 0), 3);
	later(200, send(client, "def", 3, 0));
	gives(recv(server, text, 6, MSG_PEEK | MSG_WAITALL), 6);
	holds(!memcmp(text, "abcdef", 6));
	gives(recv(server, text, 6, MSG_WAITALL), 6);
	holds(!memcmp(text, "abcdef", 6));
}

static void wait_for_all(void)
{
	int client, server;
	char text[20] = "";

	pair(&client, &server);
	later(100, send(client, "abc", 3, 0); usleep(100000); send(client, "def", 3, 0));
	gives(recv(server, text, 6, MSG_WAITALL), 6);
	holds(!memcmp(text, "abcdef", 6));
	/* The end comes before all is there. */
	gives(send(client, "gh", 2, 0), 2);
	works(shutdown(client, SHUT_WR));
	gives(recv(server, text, 6, MSG_WAITALL), 2);
	gives(recv(server, text, 6, MSG_WAITALL), 0);
}

static void truncate_away(void)
{
	int client, server;
	char text[20] = "";

	pair(&client, &server);
	gives(send(client, "abcdef", 6, 0), 6);
	gives(recv(server, text, 4, MSG_TRUNC | MSG_WAITALL), 4);
	gives(text[0], 0);
	gives(recv(server, text, 20, 0), 2);
	holds(!memcmp(text, "ef", 2));
	gives(send(client, "xyz", 3, 0), 3);
	gives(recv(server, NULL, 3, MSG_TRUNC | MSG_WAITALL), 3);
}

static void low_water_mark(void)
{
	int client, server;

	pair(&client, &server);
	set(server, SOL_SOCKET, SO_RCVLOWAT, 4);
	gives(send(client, "abc", 3, 0), 3);
	gives(ready(server, POLLIN, 200), 0);
	gives(send(client, "d", 1, 0), 1);
	gives(ready(server, POLLIN, 1000), POLLIN);
}

static void pieces(void)
{
	char a[3], b[5], *whole = "abcdefgh";
	struct iovec to[2] = { { whole, 2 }, { whole + 2, 6 } }, from[2] = { { a, 3 }, { b, 5 } };
	int client, server;

	pair(&client, &server);
	gives(writev(client, to, 2), 8);
	usleep(50000);
	gives(readv(server, from, 2), 8);
	holds(!memcmp(a, "abc", 3) && !memcmp(b, "defgh", 5));
	gives(recv(server, a, 0, MSG_DONTWAIT) <= 0, 1);
	gives(send(client, a, 0, 0), 0);
}

static void bad_memory(void)
{
	int client, server;
	char octet;

	pair(&client, &server);
	fails(send(client, (void *)1, 10, 0), EFAULT);
	gives(send(client, "x", 1, 0), 1);
	gives(ready(server, POLLIN, 1000), POLLIN);
	fails(recv(server, (void *)1, 10, 0), EFAULT);
	gives(recv(server, &octet, 1, 0), 1);
}

static void queue_lengths(void)
{
	int client, server, value = -1;

	pair(&client, &server);
	gives(send(client, "abcde", 5, 0), 5);
	gives(ready(server, POLLIN, 1000), POLLIN);
	works(ioctl(server, FIONREAD, &value));
	gives(value, 5);
	for (int i = 0; i < 100 && value; i++) {
		usleep(10000);
		works(ioctl(client, SIOCOUTQ, &value));
	}
	gives(value, 0);
	works(ioctl(client, SIOCOUTQNSD, &value));
	gives(value, 0);
	gives(recv(server, (char[5]){}, 5, 0), 5);
	works(ioctl(server, FIONREAD, &value));
	gives(value, 0);
}

/* A byte count in a control message of this level and type; -1 if there is none. */
static long control(struct msghdr *message, int level, int type)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
		if (c->cmsg_level == level && c->cmsg_type == type)
			return *(int *)CMSG_DATA(c);
	return -1;
}

static void control_messages(void)
{
	char text[2], space[256];
	struct iovec to = { text, 2 };
	struct msghdr message = { .msg_iov = &to, .msg_iovlen = 1, .msg_control = space,
				  .msg_controllen = sizeof(space) };
	int client, server;

	pair(&client, &server);
	set(server, SOL_TCP, TCP_INQ, 1);
	set(server, SOL_SOCKET, SO_TIMESTAMP, 1);
	gives(send(client, "abcde", 5, 0), 5);
	gives(ready(server, POLLIN, 1000), POLLIN);
	gives(recvmsg(server, &message, 0), 2);
	gives(control(&message, SOL_TCP, TCP_CM_INQ), 3);
	/* The kernel begins to note times a little after the first request of any socket. */
	usleep(100000);
	gives(send(client, "f", 1, 0), 1);
	usleep(100000);
	to.iov_len = 1;
	for (int i = 0; i < 4; i++) {
		message.msg_controllen = sizeof(space);
		gives(recvmsg(server, &message, 0), 1);
	}
	gives(control(&message, SOL_TCP, TCP_CM_INQ), 0);
	holds(control(&message, SOL_SOCKET, SCM_TIMESTAMP) > 0);
}

/* --- send --- */

static void broken_pipe(void)
{
	struct sigaction action = { .sa_handler = nothing };
	sigset_t pending;
	int client, server;

	pair(&client, &server);
	works(shutdown(client, SHUT_WR));
	fails(send(client, "x", 1, MSG_NOSIGNAL), EPIPE);
	sigaction(SIGPIPE, &action, NULL);
	sigemptyset(&pending);
	sigaddset(&pending, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pending, NULL);
	fails(send(client, "x", 1, MSG_NOSIGNAL), EPIPE);
	sigpending(&pending);
	gives(sigismember(&pending, SIGPIPE), 0);
	fails(send(client, "x", 1, 0), EPIPE);
	sigpending(&pending);
	gives(sigismember(&pending, SIGPIPE), 1);
}

static void send_until_full(void)
{
	static char block[65536], back[65536];
	uint64_t sent = 0, received = 0;
	int client, server;
	ssize_t got;

	pair(&client, &server);
	nonblocking(client);
	nonblocking(server);
	while ((got = send(client, block, sizeof(block), 0)) > 0)
		sent += (uint64_t)got;
	gives(errno, EAGAIN);
	gives(ready(client, POLLOUT, 100), 0);
	while (ready(server, POLLIN, 500) & POLLIN)
		while ((got = recv(server, back, sizeof(back), 0)) > 0)
			received += (uint64_t)got;
	gives(received, sent);
	gives(ready(client, POLLOUT, 1000), POLLOUT);
}

static void send_time_limit(void)
{
	static char block[65536];
	int client, server;

	pair(&client, &server);
	time_limit(client, SO_SNDTIMEO, 200);
	while (send(client, block, sizeof(block), 0) > 0)
		;
	gives(errno, EAGAIN);
	interrupt_in(100, 0);
	time_limit(client, SO_SNDTIMEO, 0);
	fails(send(client, block, sizeof(block), 0), EINTR);
}

static void more_to_come(void)
{
	int client, server;
	char text[4];

	pair(&client, &server);
	gives(send(client, "ab", 2, MSG_MORE), 2);
	gives(send(client, "cd", 2, 0), 2);
	gives(recv(server, text, 4, MSG_WAITALL), 4);
	holds(!memcmp(text, "abcd", 4));
}

/* --- the end of a connection --- */

static void end_of_data(void)
{
	int client, server, value = -1;
	char text[4];

	pair(&client, &server);
	gives(send(client, "ab", 2, 0), 2);
	works(shutdown(client, SHUT_WR));
	gives(recv(server, text, 4, MSG_WAITALL), 2);
	gives(ready(server, POLLIN | POLLRDHUP, 1000), POLLIN | POLLRDHUP);
	for (int i = 0; i < 3; i++)
		gives(recv(server, text, 4, 0), 0);
	if (protocol == 262) {
		works(ioctl(server, FIONREAD, &value));
		gives(value, 1);
	}
	gives(send(server, "cd", 2, 0), 2);
	gives(recv(client, text, 4, 0), 2);
	works(shutdown(server, SHUT_WR));
	gives(recv(client, text, 4, 0), 0);
	usleep(100000);
	holds(ready(server, POLLIN, 1000) & POLLHUP);
	holds(ready(client, POLLIN, 1000) & POLLHUP);
	gives(recv(client, text, 4, 0), 0);
	gives(recv(server, text, 4, 0), 0);
}

static void no_more_reading(void)
{
	int client, server;
	char octet;

	pair(&client, &server);
	works(shutdown(client, SHUT_RD));
	gives(recv(client, &octet, 1, 0), 0);
	holds(ready(client, POLLIN | POLLRDHUP, 0) & POLLRDHUP);
	gives(send(client, "x", 1, 0), 1);
	gives(recv(server, &octet, 1, 0), 1);
	fails(shutdown(client, 7), EINVAL);
}

static void closed_with_data_unread(void)
{
	int client, server;
	char octet;

	pair(&client, &server);
	gives(send(client, "x", 1, 0), 1);
	gives(ready(server, POLLIN, 1000), POLLIN);
	works(close(server));
	holds(ready(client, POLLIN, 1000) & POLLIN);
	fails(recv(client, &octet, 1, 0), ECONNRESET);
	fails(send(client, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void closed_at_once(void)
{
	struct linger at_once = { .l_onoff = 1 };
	int client, server;
	char octet;

	pair(&client, &server);
	works(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	works(close(client));
	fails(recv(server, &octet, 1, 0), ECONNRESET);
	gives(recv(server, &octet, 1, 0) <= 0, 1);
}

static void close_waits_for_data(void)
{
	struct linger patient = { .l_onoff = 1, .l_linger = 5 };
	static char block[300000];
	int client, server;
	long began;

	pair(&client, &server);
	works(setsockopt(client, SOL_SOCKET, SO_LINGER, &patient, sizeof(patient)));
	set(client, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	gives(send(client, block, sizeof(block), 0), sizeof(block));
	later(300, for (size_t got = 0; got < sizeof(block); ) {
		ssize_t some = recv(server, block, sizeof(block), 0);

		if (some <= 0)
			break;
		got += (size_t)some;
	} recv(server, block, 1, 0));
	close(server);
	began = now_ms();
	works(close(client));
	holds(now_ms() - began < 4000);
}

static void receiver_wakes_at_the_end(void)
{
	int client, server;
	char octet;

	pair(&client, &server);
	later(200, shutdown(server, SHUT_WR));
	gives(recv(client, &octet, 1, 0), 0);
}

static void closed_in_one_process(void)
{
	int client, server, status;
	char octet;
	pid_t child;

	pair(&client, &server);
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, &status, 0);
	gives(send(client, "x", 1, 0), 1);
	gives(recv(server, &octet, 1, 0), 1);
	fails(recv(server, &octet, 1, MSG_DONTWAIT), EAGAIN);
}

/* --- other ways to read, write and wait --- */

static void splice_out(void)
{
	int client, server, ends[2];
	char text[8];

	pair(&client, &server);
	works(pipe(ends));
	nonblocking(server);
	fails(splice(server, NULL, ends[1], NULL, 100, 0), EAGAIN);
	gives(send(client, "abcde", 5, 0), 5);
	gives(ready(server, POLLIN, 1000), POLLIN);
	gives(splice(server, NULL, ends[1], NULL, 3, 0), 3);
	gives(splice(server, NULL, ends[1], NULL, 100, 0), 2);
	gives(read(ends[0], text, 8), 5);
	holds(!memcmp(text, "abcde", 5));
	works(shutdown(client, SHUT_WR));
	gives(splice(server, NULL, ends[1], NULL, 100, 0), 0);
}

static void splice_in(void)
{
	int client, server, ends[2];
	char text[8];

	pair(&client, &server);
	works(pipe(ends));
	gives(write(ends[1], "abcde", 5), 5);
	gives(splice(ends[0], NULL, client, NULL, 5, 0), 5);
	gives(recv(server, text, 5, MSG_WAITALL), 5);
	holds(!memcmp(text, "abcde", 5));
}

static void send_file(void)
{
	static char block[200000], back[200000];
	int client, server, file = works(memfd_create("file", 0));

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7 + i / 251);
	gives(write(file, block, sizeof(block)), sizeof(block));
	pair(&client, &server);
	later(0, for (off_t at = 0; at < (off_t)sizeof(block); )
		works(sendfile(client, file, &at, sizeof(block) - (size_t)at)));
	gives(recv(server, back, sizeof(back), MSG_WAITALL), sizeof(back));
	holds(!memcmp(block, back, sizeof(back)));
}

static void edge_triggered(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET | EPOLLRDHUP };
	int client, server, epoll = works(epoll_create1(0));
	char octet;

	pair(&client, &server);
	works(epoll_ctl(epoll, EPOLL_CTL_ADD, server, &event));
	gives(epoll_wait(epoll, &event, 1, 100), 0);
	gives(send(client, "ab", 2, 0), 2);
	gives(epoll_wait(epoll, &event, 1, 1000), 1);
	gives(recv(server, &octet, 1, 0), 1);
	gives(epoll_wait(epoll, &event, 1, 100), 0);
	gives(send(client, "c", 1, 0), 1);
	gives(epoll_wait(epoll, &event, 1, 1000), 1);
	works(shutdown(client, SHUT_WR));
	usleep(50000);
	gives(epoll_wait(epoll, &event, 1, 1000), 1);
	holds(event.events & EPOLLRDHUP);
}

static void many_at_once(void)
{
	enum { COUNT = 64 };
	address_t at;
	int listener = make(), clients[COUNT], servers[COUNT];
	char octet;

	at = parse(local_text, 0);
	works(bind(listener, &at.any, size_of(&at)));
	works(listen(listener, COUNT));
	at = name_of(listener);
	for (int i = 0; i < COUNT; i++)
		clients[i] = call(&at);
	for (int i = 0; i < COUNT; i++)
		servers[i] = works(accept(listener, NULL, NULL));
	for (int i = 0; i < COUNT; i++)
		gives(send(clients[i], &(char){ (char)i }, 1, 0), 1);
	for (int i = 0; i < COUNT; i++)
		gives(recv(servers[i], &octet, 1, 0), 1);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define one(name) { #name, name }
	one(fresh_socket), one(wrong_types), one(bind_errors), one(names),
	one(connect_refused), one(connect_refused_then_retried), one(connect_refused_nonblocking),
	one(connect_nonblocking), one(connect_in_progress), one(connect_unreachable),
	one(connect_time_limit), one(connect_interrupted), one(connect_on_a_listener),
	one(disconnect_and_again), one(v4_mapped),
	one(accept_nothing), one(accept_waits), one(accept_interrupted), one(accept_nonblocking_child),
	one(children_inherit), one(listener_closed_with_children), one(listener_shut_down),
	one(receive_nothing), one(receive_interrupted), one(peek), one(peek_waits_for_all),
	one(wait_for_all), one(truncate_away), one(low_water_mark), one(pieces), one(bad_memory),
	one(queue_lengths), one(control_messages),
	one(broken_pipe), one(send_until_full), one(send_time_limit), one(more_to_come),
	one(end_of_data), one(no_more_reading), one(closed_with_data_unread), one(closed_at_once),
	one(close_waits_for_data), one(receiver_wakes_at_the_end), one(closed_in_one_process),
	one(splice_out), one(splice_in), one(send_file), one(edge_triggered), one(many_at_once),
};

/* Runs a case in a process of its own, as the first of its group. */
static int run(void (*test)(void))
{
	int status = 0;
	pid_t child;

	*why = 0;
	child = fork();
	if (!child) {
		setpgid(0, 0);
		test();
		_exit(0);
	}
	for (int i = 1; i <= 1000 * slow && !waitpid(child, &status, WNOHANG); i++) {
		if (i == 1000 * slow)
			sprintf(why, "no end after %d s", 10 * slow);
		usleep(10000);
	}
	kill(-child, SIGKILL);
	if (*why && strncmp(why, "line", 4)) {
		usleep(500000 * (useconds_t)slow);
		if (!waitpid(child, &status, WNOHANG))
			strcat(why, ", and SIGKILL does not end it either");
		return 1;
	}
	if (WIFSIGNALED(status) && !*why)
		sprintf(why, "killed by signal %d", WTERMSIG(status));
	return *why != 0;
}

int main(int argc, char **argv)
{
	int failures = 0, option;

	while ((option = getopt(argc, argv, "p:")) == 'p')
		protocol = atoi(optarg);
	if (argc - optind < 2)
		return 2;
	if (getenv("SLOW"))
		slow = atoi(getenv("SLOW"));
	local_text = argv[optind];
	dead_text = argv[optind + 1];
	why = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc - optind > 2 && strcmp(argv[optind + 2], cases[i].name))
			continue;
		if (run(cases[i].run)) {
			printf("no %s: %s\n", cases[i].name, why);
			failures++;
		} else {
			printf("ok %s\n", cases[i].name);
		}
		fflush(stdout);
	}
	return failures > 0;
}
