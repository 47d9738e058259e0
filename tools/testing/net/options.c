// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options over two subflows: both ends of a connection in one process, the client's
 * sockets in the namespace "client", the server's in "server".
 *
 *	options CLIENT1 CLIENT2 SERVER CASE...
 *
 * CLIENT1 and CLIENT2 are the client's addresses; the second subflow starts at CLIENT2 once an
 * endpoint with it is added. Each case in a process of its own with 10 seconds (SLOW=N: N times
 * as many) to live; prints `ok CASE`, `no CASE: why` or `skip CASE: why`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../samples/subflow_opt.h"

#define MPTCP_INFO 1
#define IPPROTO_MPTCP_ 262
/* At most so many pieces of a second that things may take. */
#define TRIES (400 * slow)

typedef union {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} address_t;

static const char *first_text, *second_text, *server_text;
static char *why;	/* Shared with the process of the case. */
static int slow = 1;
static bool v6;

static void no(int line, const char *format, ...)
{
	va_list values;
	int length = sprintf(why, "line %d: ", line);

	va_start(values, format);
	vsnprintf(why + length, 400, format, values);
	va_end(values);
	_exit(1);
}

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

/* --- both ends --- */

static void enter(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/var/run/netns/%s", name);
	fd = works(open(path, O_RDONLY));
	works(setns(fd, CLONE_NEWNET));
	close(fd);
}

static address_t parse(const char *text)
{
	address_t to = {};

	v6 = strchr(text, ':');
	to.any.sa_family = v6 ? AF_INET6 : AF_INET;
	holds(inet_pton(to.any.sa_family, text, v6 ? (void *)&to.v6.sin6_addr : (void *)&to.v4.sin_addr) == 1);
	return to;
}

static socklen_t size_of(const address_t *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static int make(const char *where, int protocol)
{
	address_t family = parse(server_text);

	enter(where);
	return works(socket(family.any.sa_family, SOCK_STREAM, protocol));
}

static int client_socket(void)
{
	address_t from = parse(first_text);
	int fd = make("client", IPPROTO_MPTCP_);

	works(bind(fd, &from.any, size_of(&from)));
	return fd;
}

static int server_socket(int protocol, address_t *at)
{
	socklen_t length = sizeof(*at);
	int fd = make("server", protocol);

	*at = parse(server_text);
	works(bind(fd, &at->any, size_of(at)));
	works(getsockname(fd, &at->any, &length));
	return fd;
}

static void run_in_shell(const char *format, ...)
{
	char command[200];
	va_list values;

	va_start(values, format);
	vsnprintf(command, sizeof(command), format, values);
	va_end(values);
	if (system(command))
		no(__LINE__, "'%s' fails", command);
}

static void add_endpoint(void)
{
	run_in_shell("ip -n client mptcp endpoint add %s subflow id 5", second_text);
}

static int get(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	works(getsockopt(fd, level, name, &value, &length));
	return value;
}

static void set(int fd, int level, int name, int value)
{
	works(setsockopt(fd, level, name, &value, sizeof(value)));
}

static int extra_subflows(int fd)
{
	unsigned char info[96];
	socklen_t length = sizeof(info);

	works(getsockopt(fd, SOL_MPTCP, MPTCP_INFO, info, &length));
	return info[0];
}

static void exchange(int from, int to, int count)
{
	char octets[4000] = "";

	for (int i = 0; i < count; i++) {
		gives(send(from, octets, sizeof(octets), MSG_NOSIGNAL), sizeof(octets));
		gives(recv(to, octets, sizeof(octets), MSG_WAITALL), sizeof(octets));
	}
}

/* One option of one subflow. */
struct one {
	struct mptcp_subflow_opt to;
	char value[300];
};

static int set_one_at(int fd, uint32_t id, int level, int name, const void *value, size_t length)
{
	struct one one = { .to = { .id = id, .level = level, .name = name } };

	memcpy(one.value, value, length);
	return setsockopt(fd, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, (socklen_t)(sizeof(one.to) + length));
}

static int set_one(int fd, uint32_t id, int level, int name, int value)
{
	return set_one_at(fd, id, level, name, &value, sizeof(value));
}

static int get_one_at(int fd, uint32_t id, int level, int name, void *value, size_t *length)
{
	struct one one = { .to = { .id = id, .level = level, .name = name } };
	socklen_t size = (socklen_t)(sizeof(one.to) + *length);
	int status = getsockopt(fd, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, &size);

	if (status) {
		gives(size, sizeof(one.to) + *length);
		return status;
	}
	*length = size - sizeof(one.to);
	memcpy(value, one.value, *length);
	return 0;
}

static int get_one(int fd, uint32_t id, int level, int name)
{
	int value = -1;
	size_t length = sizeof(value);

	if (get_one_at(fd, id, level, name, &value, &length))
		return -1;
	gives(length, sizeof(value));
	return value;
}

/* A connection whose second subflow is there and in use on both sides. */
static void second_subflow(int listener, int client, int server)
{
	int tries = 0;

	exchange(client, server, 2);
	exchange(server, client, 2);
	/* TCP makes the subflow with the one; the worker that gives it the connection's options, with the other. */
	set(listener, SOL_TCP, TCP_KEEPINTVL, 61);
	set(server, SOL_TCP, TCP_KEEPINTVL, 62);
	add_endpoint();
	while (extra_subflows(client) != 1 || extra_subflows(server) != 1 ||
	       get_one(server, 2, SOL_TCP, TCP_KEEPINTVL) != 62) {
		holds(tries++ < TRIES);
		usleep(10000);
	}
	exchange(client, server, 4);
	exchange(server, client, 4);
}

static void connected(int *client, int *server, int listener, const address_t *at)
{
	works(listen(listener, 4));
	works(connect(*client, &at->any, size_of(at)));
	*server = works(accept(listener, NULL, NULL));
}

static void pair(int *client, int *server)
{
	address_t at;
	int listener = server_socket(IPPROTO_MPTCP_, &at);

	*client = client_socket();
	connected(client, server, listener, &at);
	second_subflow(listener, *client, *server);
	close(listener);
}

/* --- what is set for all subflows --- */

static const struct {
	int level, name, value, later;
	bool doubled;
} for_all[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 1, 0, false },
	{ SOL_SOCKET, SO_MARK, 7, 8, false },
	{ SOL_IP, IP_TOS, 0x10, 0x20, false },
	{ SOL_SOCKET, SO_PRIORITY, 3, 5, false },
	{ SOL_SOCKET, SO_SNDBUF, 30000, 40000, true },
	{ SOL_SOCKET, SO_RCVBUF, 50000, 60000, true },
	{ SOL_TCP, TCP_NODELAY, 1, 0, false },
	{ SOL_TCP, TCP_KEEPIDLE, 77, 78, false },
	{ SOL_TCP, TCP_KEEPCNT, 4, 5, false },
	{ SOL_TCP, TCP_MAXSEG, 900, 0, false },
};
#define FOR_ALL (sizeof(for_all) / sizeof(for_all[0]))

static void set_all(int fd, bool later)
{
	for (size_t i = 0; i < FOR_ALL; i++)
		set(fd, for_all[i].level, for_all[i].name, later ? for_all[i].later : for_all[i].value);
	works(setsockopt(fd, SOL_TCP, TCP_CONGESTION, later ? "cubic" : "reno", 5));
}

/* An accepted socket has no priority from its listener, in TCP neither. */
static bool is_told(size_t i, bool accepted, bool from_the_start)
{
	bool priority = for_all[i].level == SOL_SOCKET && for_all[i].name == SO_PRIORITY;
	/* TCP looks at it when it connects, and tells what came of it. */
	bool segment = for_all[i].level == SOL_TCP && for_all[i].name == TCP_MAXSEG;

	return !(priority && accepted) && !(segment && !from_the_start);
}

static void have_all(int line, int fd, const char *who, bool later, bool from_the_start)
{
	bool accepted = from_the_start && *who == 's';

	for (uint32_t id = 1; id <= 2; id++) {
		char name[16] = "";
		size_t length = sizeof(name);

		for (size_t i = 0; i < FOR_ALL; i++) {
			int got = get_one(fd, id, for_all[i].level, for_all[i].name);
			int want = later ? for_all[i].later : for_all[i].value;
			bool segment = for_all[i].level == SOL_TCP && for_all[i].name == TCP_MAXSEG;

			if (for_all[i].doubled)
				want *= 2;
			if (!is_told(i, accepted, from_the_start))
				continue;
			/* Options take their share of a segment. */
			if (segment ? got > want || got < want / 2 : got != want)
				no(line, "%s, subflow %u: option %d of level %d is %d, not %d", who, id,
				   for_all[i].name, for_all[i].level, got, want);
		}
		works(get_one_at(fd, id, SOL_TCP, TCP_CONGESTION, name, &length));
		if (strcmp(name, later ? "cubic" : "reno"))
			no(line, "%s, subflow %u has congestion control %s", who, id, name);
	}
}

static void set_before(void)
{
	address_t at;
	int listener = server_socket(IPPROTO_MPTCP_, &at), client = client_socket(), server;

	set_all(listener, false);
	set_all(client, false);
	connected(&client, &server, listener, &at);
	second_subflow(listener, client, server);
	have_all(__LINE__, client, "client", false, true);
	have_all(__LINE__, server, "server", false, true);
}

static void set_after(void)
{
	int client, server;

	pair(&client, &server);
	set_all(client, false);
	set_all(server, false);
	have_all(__LINE__, client, "client", false, false);
	have_all(__LINE__, server, "server", false, false);
	set_all(client, true);
	set_all(server, true);
	have_all(__LINE__, client, "client", true, false);
	have_all(__LINE__, server, "server", true, false);
	exchange(client, server, 4);
	exchange(server, client, 4);
}

/* A subflow that joins has the options of its connection, not those that the listener has by now. */
static void joined_has_connections(void)
{
	address_t at;
	int listener = server_socket(IPPROTO_MPTCP_, &at), client = client_socket(), server;

	set(listener, SOL_SOCKET, SO_MARK, 1);
	connected(&client, &server, listener, &at);
	set(listener, SOL_SOCKET, SO_MARK, 9);
	set(listener, SOL_SOCKET, SO_PRIORITY, 4);
	set(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(listener, SOL_IP, IP_TOS, 0x08);
	set(listener, SOL_TCP, TCP_NODELAY, 1);
	set(listener, SOL_TCP, TCP_CORK, 1);
	set(server, SOL_IP, IP_TOS, 0x10);
	set(server, SOL_SOCKET, SO_PRIORITY, 2);
	second_subflow(listener, client, server);
	for (uint32_t id = 1; id <= 2; id++) {
		gives(get_one(server, id, SOL_SOCKET, SO_MARK), 1);
		gives(get_one(server, id, SOL_SOCKET, SO_PRIORITY), 2);
		gives(get_one(server, id, SOL_SOCKET, SO_KEEPALIVE), 0);
		gives(get_one(server, id, SOL_IP, IP_TOS), 0x10);
		gives(get_one(server, id, SOL_TCP, TCP_NODELAY), 0);
		gives(get_one(server, id, SOL_TCP, TCP_CORK), 0);
	}
}

/* --- what cannot be set, and how it is said --- */

static void errors(void)
{
	static const struct {
		int level, name, error;
	} not_set[] = {
		{ SOL_SOCKET, SO_OOBINLINE, EOPNOTSUPP }, { SOL_SOCKET, SO_PEEK_OFF, EOPNOTSUPP },
		{ SOL_SOCKET, SO_MAX_PACING_RATE, EOPNOTSUPP }, { SOL_SOCKET, SO_ZEROCOPY, EOPNOTSUPP },
		{ SOL_SOCKET, SO_REUSEADDR, EINVAL }, { SOL_SOCKET, SO_REUSEPORT, EINVAL },
		{ SOL_SOCKET, SO_BINDTOIFINDEX, EINVAL },
		{ SOL_IP, IP_TTL, EOPNOTSUPP }, { SOL_IP, IP_MTU_DISCOVER, EOPNOTSUPP },
		{ SOL_IP, IP_FREEBIND, EINVAL }, { SOL_IP, IP_TRANSPARENT, EINVAL },
		{ SOL_IP, IP_BIND_ADDRESS_NO_PORT, EINVAL },
		{ SOL_IP, IP_OPTIONS, ENOPROTOOPT }, { SOL_IP, IP_HDRINCL, ENOPROTOOPT },
		{ SOL_IPV6, IPV6_V6ONLY, EINVAL }, { SOL_IPV6, IPV6_TRANSPARENT, EINVAL },
		{ SOL_IPV6, IPV6_TCLASS, EOPNOTSUPP }, { SOL_IPV6, IPV6_RTHDR, ENOPROTOOPT },
		{ SOL_TCP, TCP_SYNCNT, ENOPROTOOPT }, { SOL_TCP, TCP_QUICKACK, ENOPROTOOPT },
		{ SOL_TCP, TCP_USER_TIMEOUT, ENOPROTOOPT }, { SOL_TCP, TCP_ULP, ENOPROTOOPT },
		{ SOL_TCP, TCP_MD5SIG, ENOPROTOOPT }, { SOL_TCP, TCP_REPAIR, ENOPROTOOPT },
		{ SOL_TCP, TCP_FASTOPEN, EINVAL }, { SOL_TCP, TCP_KEEPIDLE, EINVAL },
		{ SOL_TCP, TCP_KEEPCNT, EINVAL },
		{ SOL_MPTCP, MPTCP_INFO, ENOPROTOOPT }, { SOL_MPTCP, 99, ENOPROTOOPT }, { 999, 1, ENOPROTOOPT },
	}, not_got[] = {
		{ SOL_IP, IP_TTL, EOPNOTSUPP }, { SOL_IP, IP_OPTIONS, EOPNOTSUPP },
		{ SOL_IPV6, IPV6_TCLASS, EOPNOTSUPP }, { SOL_TCP, TCP_SYNCNT, EOPNOTSUPP },
		{ SOL_TCP, TCP_REPAIR, EOPNOTSUPP }, { SOL_MPTCP, 99, EOPNOTSUPP }, { 999, 1, EOPNOTSUPP },
	};
	static const int kinds[][2] = {
		{ SOL_SOCKET, SO_MARK }, { SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_SNDBUF },
		{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_TIMESTAMPING }, { SOL_TCP, TCP_NODELAY },
		{ SOL_TCP, TCP_INQ }, { SOL_TCP, TCP_KEEPIDLE }, { SOL_TCP, TCP_SYNCNT },
	};
	static const int ignored[] = { SO_NO_CHECK, SO_DONTROUTE, SO_BROADCAST, SO_PASSCRED, SO_RXQ_OVFL };
	int client, server, value = 0;
	socklen_t length = sizeof(value);

	pair(&client, &server);
	for (size_t i = 0; i < sizeof(not_set) / sizeof(not_set[0]); i++) {
		value = not_set[i].level == SOL_TCP && not_set[i].error == EINVAL ? 1 << 20 : 0;
		if (setsockopt(client, not_set[i].level, not_set[i].name, &value, sizeof(value)) != -1 ||
		    errno != not_set[i].error)
			no(__LINE__, "setting %d of level %d says %s", not_set[i].name, not_set[i].level, strerror(errno));
	}
	for (size_t i = 0; i < sizeof(not_got) / sizeof(not_got[0]); i++)
		if (getsockopt(client, not_got[i].level, not_got[i].name, &value, &length) != -1 ||
		    errno != not_got[i].error)
			no(__LINE__, "getting %d of level %d says %s", not_got[i].name, not_got[i].level, strerror(errno));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (setsockopt(client, kinds[i][0], kinds[i][1], &value, 3) != -1 || errno != EINVAL)
			no(__LINE__, "a short %d of level %d says %s", kinds[i][1], kinds[i][0], strerror(errno));
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		set(client, SOL_SOCKET, ignored[i], 1);
	value = 2;
	fails(setsockopt(client, SOL_TCP, TCP_INQ, &value, sizeof(value)), EINVAL);
	fails(setsockopt(client, SOL_TCP, TCP_CONGESTION, "nosuch", 6), ENOENT);
	fails(setsockopt(client, SOL_TCP, TCP_CONGESTION, "reno", 0), EINVAL);
	fails(setsockopt(client, SOL_TCP, TCP_NODELAY, NULL, sizeof(value)), EFAULT);
	fails(setsockopt(client, SOL_SOCKET, SO_MARK, (void *)1, sizeof(value)), EFAULT);
	set(client, SOL_TCP, TCP_DEFER_ACCEPT, 1);

	set(client, SOL_IP, IP_TOS, 0x10);
	value = -1;
	length = 1;
	works(getsockopt(client, SOL_IP, IP_TOS, &value, &length));
	holds(length == 1 && (value & 0xff) == 0x10);
	length = 0;
	works(getsockopt(client, SOL_IP, IP_TOS, &value, &length));
	gives(length, 0);
	length = (socklen_t)-1;
	fails(getsockopt(client, SOL_IP, IP_TOS, &value, &length), EINVAL);
	gives(get(client, SOL_TCP, 43), 1);
}

static void drop_rights(void)
{
	works(setresgid(65534, 65534, 65534));
	works(setresuid(65534, 65534, 65534));
}

static void without_rights(void)
{
	int client, server, value = 3;

	pair(&client, &server);
	drop_rights();
	fails(setsockopt(client, SOL_SOCKET, SO_MARK, &value, sizeof(value)), EPERM);
	fails(set_one(client, 2, SOL_SOCKET, SO_MARK, 3), EPERM);
	fails(set_one(client, 2, SOL_SOCKET, SO_SNDBUFFORCE, 3), EPERM);
	value = 1;
	fails(setsockopt(client, SOL_SOCKET, SO_DEBUG, &value, sizeof(value)), EACCES);
	works(set_one(client, 2, SOL_SOCKET, SO_PRIORITY, 3));
}

/* --- one subflow --- */

static void one_subflow(void)
{
	int client, server;
	unsigned int rate = 500000;
	char text[256] = "";
	size_t length = sizeof(text);

	pair(&client, &server);
	set(client, SOL_SOCKET, SO_MARK, 7);
	for (int i = 0; i < 2; i++) {
		int fd = i ? server : client, hops = v6 ? IPV6_UNICAST_HOPS : IP_TTL, level = v6 ? SOL_IPV6 : SOL_IP;

		works(set_one(fd, 2, SOL_SOCKET, SO_MARK, 21));
		works(set_one(fd, 2, SOL_IP, IP_TOS, 0x08));
		works(set_one(fd, 2, level, hops, 33));
		works(set_one(fd, 2, SOL_TCP, TCP_NODELAY, 1));
		works(set_one(fd, 2, SOL_TCP, TCP_USER_TIMEOUT, 9000));
		works(set_one(fd, 2, SOL_SOCKET, SO_SNDBUF, 60000));
		works(set_one_at(fd, 2, SOL_TCP, TCP_CONGESTION, "reno", 4));
		works(set_one_at(fd, 1, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)));
		gives(get_one(fd, 2, SOL_SOCKET, SO_MARK), 21);
		gives(get_one(fd, 2, SOL_IP, IP_TOS), 0x08);
		gives(get_one(fd, 2, level, hops), 33);
		gives(get_one(fd, 2, SOL_TCP, TCP_NODELAY), 1);
		gives(get_one(fd, 2, SOL_TCP, TCP_USER_TIMEOUT), 9000);
		gives(get_one(fd, 2, SOL_SOCKET, SO_SNDBUF), 120000);
		gives(get_one(fd, 1, SOL_SOCKET, SO_MAX_PACING_RATE), 500000);
		/* The other one, and the connection, know nothing of it. */
		gives(get_one(fd, 1, SOL_SOCKET, SO_MARK), i ? 0 : 7);
		gives(get(fd, SOL_SOCKET, SO_MARK), i ? 0 : 7);
		gives(get_one(fd, 1, SOL_IP, IP_TOS), 0);
		gives(get(fd, SOL_IP, IP_TOS), 0);
		holds(get_one(fd, 1, level, hops) != 33);
		gives(get_one(fd, 1, SOL_TCP, TCP_NODELAY), 0);
		gives(get(fd, SOL_TCP, TCP_NODELAY), 0);
		gives(get_one(fd, 1, SOL_TCP, TCP_USER_TIMEOUT), 0);
		holds(get_one(fd, 1, SOL_SOCKET, SO_SNDBUF) != 120000);
		gives(get_one(fd, 2, SOL_SOCKET, SO_MAX_PACING_RATE), -1);
		length = sizeof(text);
		works(get_one_at(fd, 2, SOL_TCP, TCP_CONGESTION, text, &length));
		holds(!strcmp(text, "reno") && length == 16);
		length = sizeof(text);
		works(get_one_at(fd, 1, SOL_TCP, TCP_CONGESTION, text, &length));
		holds(strcmp(text, "reno"));
	}
	/* What only it can tell. */
	length = sizeof(text);
	works(get_one_at(client, 2, SOL_TCP, TCP_INFO, text, &length));
	holds(length > 200 && text[0] == 1);
	gives(get_one(server, 1, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_MTU : IP_MTU), 1500);
	exchange(client, server, 20);
	exchange(server, client, 20);
	/* What is set for all later is set there too. */
	set(client, SOL_SOCKET, SO_MARK, 8);
	gives(get_one(client, 2, SOL_SOCKET, SO_MARK), 8);
	set(client, SOL_TCP, TCP_NODELAY, 0);
	gives(get_one(client, 2, SOL_TCP, TCP_NODELAY), 0);
}

static void one_subflow_errors(void)
{
	static const int levels[] = { SOL_MPTCP, IPPROTO_UDP, 999, -1 };
	static const struct {
		int level, name;
	} forbidden[] = {
		{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_RCVBUF }, { SOL_SOCKET, SO_BINDTODEVICE },
		{ SOL_SOCKET, SO_ATTACH_FILTER }, { SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_RCVLOWAT },
		{ SOL_SOCKET, 9999 }, { SOL_IP, IP_OPTIONS }, { SOL_IP, IP_TRANSPARENT }, { SOL_IPV6, IPV6_V6ONLY },
		{ SOL_IPV6, IPV6_ADDRFORM }, { SOL_TCP, TCP_ULP }, { SOL_TCP, TCP_REPAIR }, { SOL_TCP, TCP_MD5SIG },
		{ SOL_TCP, TCP_NOTSENT_LOWAT }, { SOL_TCP, TCP_FASTOPEN }, { SOL_TCP, TCP_WINDOW_CLAMP },
	};
	struct one one = { .to = { .id = 2, .level = SOL_TCP, .name = TCP_NODELAY } };
	int client, server, value = 1;
	socklen_t length;

	pair(&client, &server);
	/* No header, half a header, one with something where nothing is due, one without a value. */
	for (socklen_t size = 0; size < sizeof(one.to); size += 5) {
		length = size;
		fails(setsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, size), EINVAL);
		fails(getsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, &length), EINVAL);
		gives(length, size);
	}
	fails(setsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, sizeof(one.to)), EINVAL);
	fails(setsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, sizeof(one.to) + 3), EINVAL);
	length = sizeof(one.to);
	works(getsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, &length));
	gives(length, sizeof(one.to));
	length = (socklen_t)-1;
	fails(getsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, &length), EINVAL);
	one.to.reserved = 1;
	length = sizeof(one);
	fails(setsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, sizeof(one.to) + 4), EINVAL);
	fails(getsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, &one, &length), EINVAL);
	fails(setsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, NULL, sizeof(one.to) + 4), EFAULT);
	fails(getsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, NULL, &length), EFAULT);
	/* A header at the end of what may be read. */
	{
		char *end = (char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;

		munmap(end, 4096);
		one.to.reserved = 0;
		memcpy(end - sizeof(one.to), &one.to, sizeof(one.to));
		length = sizeof(one.to) + 4;
		fails(setsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, end - sizeof(one.to), length), EFAULT);
		fails(getsockopt(client, SOL_MPTCP, MPTCP_SUBFLOW_OPT, end - sizeof(one.to), &length), EFAULT);
		gives(length, sizeof(one.to) + 4);
	}
	/* No such subflow. */
	for (uint32_t id = 0; id < 12; id += 3) {
		fails(set_one(client, id, SOL_TCP, TCP_NODELAY, 1), ESRCH);
		fails(get_one(client, id, SOL_TCP, TCP_NODELAY), ESRCH);
	}
	fails(set_one(client, UINT32_MAX, SOL_TCP, TCP_NODELAY, 1), ESRCH);
	/* No such level, and options that are none of one subflow. */
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		fails(set_one(client, 2, levels[i], MPTCP_SUBFLOW_OPT, 1), EOPNOTSUPP);
		fails(get_one(client, 2, levels[i], MPTCP_SUBFLOW_OPT), EOPNOTSUPP);
	}
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (set_one(client, 2, forbidden[i].level, forbidden[i].name, 1) != -1 || errno != ENOPROTOOPT)
			no(__LINE__, "option %d of level %d says %s", forbidden[i].name, forbidden[i].level, strerror(errno));
	fails(get_one(client, 2, SOL_SOCKET, SO_ERROR), ENOPROTOOPT);
	fails(get_one(client, 2, SOL_TCP, TCP_FASTOPEN_KEY), ENOPROTOOPT);
	/* What TCP does not take. */
	fails(set_one(client, 2, SOL_TCP, TCP_KEEPIDLE, 0), EINVAL);
	fails(set_one(client, 2, SOL_TCP, TCP_MAXSEG, 3), EINVAL);
	fails(set_one_at(client, 2, SOL_TCP, TCP_CONGESTION, "nosuch", 6), ENOENT);
	if (!v6)
		fails(set_one(client, 2, SOL_IPV6, IPV6_TCLASS, 1), ENOPROTOOPT);
	exchange(client, server, 2);
	/* No connection, not yet or not any more. */
	{
		address_t at;
		int listener = server_socket(IPPROTO_MPTCP_, &at), plain = server_socket(0, &at), fallen;

		fails(set_one(listener, 1, SOL_TCP, TCP_NODELAY, 1), ENOTCONN);
		works(listen(listener, 1));
		fails(get_one(listener, 1, SOL_TCP, TCP_NODELAY), ENOTCONN);
		/* One without MPTCP has no subflows. */
		works(listen(plain, 1));
		fallen = client_socket();
		works(connect(fallen, &at.any, size_of(&at)));
		fails(set_one(fallen, 1, SOL_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
		fails(get_one(fallen, 1, SOL_TCP, TCP_NODELAY), v6 ? ENOPROTOOPT : EOPNOTSUPP);
		set(fallen, SOL_TCP, TCP_NODELAY, value);
		plain = works(accept(plain, NULL, NULL));
		exchange(fallen, plain, 1);
	}
	shutdown(client, SHUT_RDWR);
	shutdown(server, SHUT_RDWR);
	for (int tries = 0; get_one(client, 2, SOL_TCP, TCP_NODELAY) >= 0; tries++) {
		holds(tries < TRIES);
		usleep(10000);
	}
	holds(errno == ESRCH || errno == ENOTCONN);
}

/* --- marks on the wire (options.sh counts them) --- */

static void marked(bool abort)
{
	address_t at;
	int listener = server_socket(IPPROTO_MPTCP_, &at), client = client_socket(), server;
	struct linger now = { .l_onoff = 1 };

	set(listener, SOL_SOCKET, SO_MARK, 1);
	set(client, SOL_SOCKET, SO_MARK, 2);
	connected(&client, &server, listener, &at);
	second_subflow(listener, client, server);
	exchange(client, server, 20);
	exchange(server, client, 20);
	if (abort)
		works(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	close(client);
	/* The end has come when the other side sees it. */
	holds(recv(server, &now, sizeof(now), 0) == (abort ? -1 : 0));
	close(server);
	usleep(300000 * (useconds_t)slow);
}

static void marks(void)
{
	marked(false);
}

static void marks_when_aborted(void)
{
	marked(true);
}

/* --- control groups --- */

#define GROUP "/sys/fs/cgroup/rust-mptcp-options"

static int forbid(int type)
{
	struct bpf_insn deny[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.expected_attach_type = (uint32_t)type,
		.insns = (uintptr_t)deny,
		.insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	}, attach = { .attach_type = (uint32_t)type };

	attach.attach_bpf_fd = (uint32_t)works(syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load)));
	attach.target_fd = (uint32_t)works(open(GROUP, O_RDONLY | O_DIRECTORY));
	works(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)));
	return (int)attach.target_fd;
}

static void allow(int group, int type)
{
	union bpf_attr detach = { .target_fd = (uint32_t)group, .attach_type = (uint32_t)type };

	works(syscall(SYS_bpf, BPF_PROG_DETACH, &detach, sizeof(detach)));
	close(group);
}

static long counted(const char *name)
{
	char command[160];
	FILE *out;
	long value = -1;

	snprintf(command, sizeof(command),
		 "ip netns exec client nstat -asz MPTcpExt%s | awk '/^MPTcpExt/ { print $2 }'", name);
	out = popen(command, "r");
	if (fscanf(out, "%ld", &value) != 1)
		value = -1;
	pclose(out);
	return value;
}

static void enter_group(void)
{
	int fd = works(open(GROUP "/cgroup.procs", O_WRONLY));

	works(write(fd, "0", 1));
	close(fd);
}

/* Programs of the group of a connection are asked for each of its subflows, whoever opens it. */
static void group_decides(int type, const char *counter, bool first_too)
{
	address_t at;
	int listener = server_socket(IPPROTO_MPTCP_, &at), client, server, group;
	long before;

	enter_group();
	works(listen(listener, 2));
	client = client_socket();
	group = forbid(type);
	if (first_too) {
		fails(connect(client, &at.any, size_of(&at)), EPERM);
		allow(group, type);
	}
	works(connect(client, &at.any, size_of(&at)));
	if (first_too)
		group = forbid(type);
	server = works(accept(listener, NULL, NULL));
	exchange(client, server, 2);
	before = counted(counter);
	add_endpoint();
	for (int tries = 0; counted(counter) == before; tries++)
		holds(tries < TRIES / 20);
	gives(extra_subflows(client), 0);
	exchange(server, client, 2);
	allow(group, type);
}

static void group_forbids_connect(void)
{
	parse(server_text);
	group_decides(v6 ? BPF_CGROUP_INET6_CONNECT : BPF_CGROUP_INET4_CONNECT, "MPJoinSynTxConnectErr", true);
}

static void group_forbids_bind(void)
{
	parse(server_text);
	group_decides(v6 ? BPF_CGROUP_INET6_BIND : BPF_CGROUP_INET4_BIND, "MPJoinSynTxBindErr", false);
}

static long group_memory(void)
{
	long value = -1;
	FILE *in = popen("awk '$1 == \"sock\" { print $2 }' " GROUP "/memory.stat", "r");

	if (fscanf(in, "%ld", &value) != 1)
		value = -1;
	pclose(in);
	return value;
}

/* What is on its way is charged to the group of the program, until it has arrived. */
static void group_pays(void)
{
	static char octets[4096];
	int client, server, ends[2];
	long most;

	enter_group();
	pair(&client, &server);
	ends[0] = client;
	ends[1] = server;
	for (int i = 0; i < 2; i++) {
		enter(i ? "server" : "client");
		run_in_shell("test $(ss -tnH --cgroup state established | grep -c cgroup:%s) = 2",
			     GROUP + strlen("/sys/fs/cgroup"));
	}
	for (int i = 0; i < 2; i++)
		for (int sent = 0; sent < 500 && send(ends[i], octets, sizeof(octets), MSG_DONTWAIT) > 0; sent++)
			;
	most = group_memory();
	if (most < 0) {
		strcpy(why, "skip: no memory controller here");
		return;
	}
	holds(most > 100000);
	for (int i = 0; i < 2; i++)
		while (recv(ends[i], octets, sizeof(octets), MSG_DONTWAIT) > 0)
			;
	for (int tries = 0; tries < 20 * slow; tries++) {
		for (int i = 0; i < 2; i++)
			while (recv(ends[i], octets, sizeof(octets), MSG_DONTWAIT) > 0)
				;
		usleep(20000);
	}
	close(client);
	close(server);
	for (int tries = 0; group_memory() > 65536; tries++) {
		if (tries > TRIES / 4)
			no(__LINE__, "%ld of %ld octets are charged when all is over", group_memory(), most);
		usleep(50000);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define one(name) { #name, name }
	one(set_before), one(set_after), one(joined_has_connections), one(errors), one(without_rights),
	one(one_subflow), one(one_subflow_errors), one(marks), one(marks_when_aborted),
	one(group_forbids_connect), one(group_forbids_bind), one(group_pays),
};

/* Runs a case in a process of its own, as the first of its group. */
static void run(size_t number)
{
	int status = 0;
	pid_t child;

	*why = 0;
	child = fork();
	if (!child) {
		setpgid(0, 0);
		cases[number].run();
		_exit(0);
	}
	for (int i = 1; !waitpid(child, &status, WNOHANG); i++) {
		if (i == 1000 * slow) {
			sprintf(why, "no end after %d s", 10 * slow);
			kill(-child, SIGKILL);
			waitpid(child, &status, 0);
			break;
		}
		usleep(10000);
	}
	if (WIFSIGNALED(status) && !*why)
		sprintf(why, "killed by signal %d", WTERMSIG(status));
	if (!strncmp(why, "skip: ", 6))
		printf("skip %s: %s\n", cases[number].name, why + 6);
	else if (*why)
		printf("no %s: %s\n", cases[number].name, why);
	else
		printf("ok %s\n", cases[number].name);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	if (getenv("SLOW"))
		slow = atoi(getenv("SLOW"));
	first_text = argv[1];
	second_text = argv[2];
	server_text = argv[3];
	why = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 4; i < argc; i++)
		for (size_t number = 0; number < sizeof(cases) / sizeof(cases[0]); number++)
			if (!strcmp(argv[i], cases[number].name)) {
				run(number);
				if (system("ip -n client mptcp endpoint flush"))
					return 1;
			}
	return 0;
}
