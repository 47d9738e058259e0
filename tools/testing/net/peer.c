// SPDX-License-Identifier: GPL-2.0
/*
 * A peer for the tests: one conversation per connection, every byte verified.
 *
 *	peer [option...] listen|connect ADDRESS PORT CONVERSATION
 *
 * Both ends are told the same conversation:
 *
 *	bulk		both send BYTES at once, shut down, read to the end
 *	ping-pong	messages of growing and shrinking size, each echoed
 *	half-client	the client sends all and shuts down, then the server answers
 *	half-server	the same, begun by the server
 *	bytes		as bulk, in writes of one octet
 *	tiny		as bulk, through the smallest receive buffers the kernel gives
 *	slow		as bulk, the server reads little and late
 *	drip		the client sends 60 short messages, one each 50 ms, the server reads
 *	together	both send BYTES, read as many, and close at the same moment
 *	abort-client	the client aborts (SO_LINGER 0) and the server must notice
 *	abort-server	the same, the other way round
 *
 * Options: -p 262|0 protocol, -n BYTES, -c CONNECTIONS one after the other, -r SO_RCVBUF,
 * -s SO_SNDBUF, -S SCHEDULER, -m SEED of the pattern, -t SECONDS before giving up;
 * -j N: exchange an octet, and go on when the connection has N more subflows;
 * -f: fast open, the client's first bytes on its SYN if the kernel has a cookie;
 * -w FIFO: make the socket and bind it, then wait for a writer of FIFO before listen() or
 * connect(), so that the socket may be older than the module;
 * -k FIFO: keep the connection until there is a writer of FIFO, then close it;
 * -R: ask for a socket again where there is no memory for one, up to a second;
 * -N NAME: in that network namespace (ip-netns(8)), without the program it takes to get there.
 *
 * SLOW=N in the environment: be N times as patient.
 *
 * Last line: `peer: ok ... mptcp=yes` (exit code 0) or `peer: failed: why` (1; 3: too late).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MPTCP		262
#define SOL_MPTCP	284
#define MPTCP_INFO	1
#define MPTCP_SCHEDULER	256
#define CHUNK		65536

static struct {
	int protocol, rcvbuf, sndbuf, connections, joins;
	unsigned int seconds;
	uint64_t bytes, seed;
	const char *before, *keep, *scheduler, *conversation;
	bool client, fast_open, again;
} with = { .protocol = MPTCP, .connections = 1, .seconds = 60, .bytes = 1 << 20, .seed = 1 };

/* How many times slower than our limits the machine is. */
static int slow = 1;

/* What one direction of a connection has seen so far. */
struct way {
	uint64_t seed, octets, sum;
};

static struct way out, in;

static void fail(const char *format, ...)
{
	va_list values;

	printf("peer: failed: %s as %s: ", with.conversation, with.client ? "client" : "server");
	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	printf(" (sent %llu, received %llu)\n", (unsigned long long)out.octets,
	       (unsigned long long)in.octets);
	fflush(stdout);
	_exit(1);
}

static void too_late(int signal)
{
	static char text[200];
	int length = snprintf(text, sizeof(text),
			      "peer: failed: %s as %s: not done after %u s (sent %llu, received %llu)\n",
			      with.conversation, with.client ? "client" : "server", with.seconds,
			      (unsigned long long)out.octets, (unsigned long long)in.octets);

	(void)signal;
	if (write(1, text, (size_t)length) < 0)
		_exit(4);
	_exit(3);
}

static int checked(int result, const char *what)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
	return result;
}

/* The octets of a direction depend on nothing but the seed and the position. */
static uint8_t octet(const struct way *way, uint64_t at)
{
	return (uint8_t)(((at + 1) * (way->seed | 1) * 0x9e3779b97f4a7c15ull) >> 56);
}

static void add(struct way *way, uint8_t value)
{
	way->sum = (way->sum ^ value) * 0x100000001b3ull;
	way->octets++;
}

static void begin_ways(void)
{
	out = (struct way){ .seed = with.seed * 2 + (with.client ? 0 : 1) };
	in = (struct way){ .seed = with.seed * 2 + (with.client ? 1 : 0) };
}

/* One send of at most `most`; false if the socket takes nothing now. */
static bool send_some(int fd, uint64_t most)
{
	static uint8_t buffer[CHUNK];
	size_t length = most < CHUNK ? most : CHUNK;
	ssize_t sent;

	for (size_t i = 0; i < length; i++)
		buffer[i] = octet(&out, out.octets + i);
	sent = send(fd, buffer, length, MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (sent < 0)
		fail("send: %s", strerror(errno));
	if (!sent)
		fail("send took nothing of %zu", length);
	for (ssize_t i = 0; i < sent; i++)
		add(&out, buffer[i]);
	return true;
}

/* One recv of at most `most`: what it gave; 0 at the end, -1 for nothing there. */
static ssize_t receive_some(int fd, uint64_t most)
{
	static uint8_t buffer[CHUNK];
	ssize_t got = recv(fd, buffer, most < CHUNK ? most : CHUNK, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	if (got < 0)
		fail("recv: %s", strerror(errno));
	for (ssize_t i = 0; i < got; i++) {
		uint8_t expected = octet(&in, in.octets);

		if (buffer[i] != expected)
			fail("octet %llu is %02x, not %02x", (unsigned long long)in.octets, buffer[i],
			     expected);
		add(&in, buffer[i]);
	}
	return got;
}

static void send_all(int fd, uint64_t length)
{
	uint64_t end = out.octets + length;

	while (out.octets < end)
		send_some(fd, end - out.octets);
}

static void receive_all(int fd, uint64_t length)
{
	uint64_t end = in.octets + length;

	while (in.octets < end)
		if (receive_some(fd, end - in.octets) == 0)
			fail("ended %llu octets early", (unsigned long long)(end - in.octets));
}

static void receive_end(int fd)
{
	ssize_t got;

	do
		got = receive_some(fd, 1);
	while (got < 0);
	if (got > 0)
		fail("more than was sent");
}

/* Why a connection stands still is TCP's to say, and it is gone when we are. */
static void show_tcp(int fd)
{
	struct tcp_info tcp = { 0 };
	socklen_t length = sizeof(tcp);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &length))
		return;
	printf("peer: tcp state=%u unacked=%u retransmits=%u probes=%u backoff=%u rto=%u rcv_space=%u\n",
	       tcp.tcpi_state, tcp.tcpi_unacked, tcp.tcpi_retransmits, tcp.tcpi_probes, tcp.tcpi_backoff, tcp.tcpi_rto,
	       tcp.tcpi_rcv_space);
}

/* Both directions at once; `closes`: shut down after the last octet, and read to the end. */
static void both_ways(int fd, uint64_t piece, uint64_t read_piece, unsigned int read_delay, bool closes)
{
	bool sending = with.bytes > 0, receiving = true;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (!sending && closes)
		checked(shutdown(fd, SHUT_WR), "shutdown");
	while (sending || receiving) {
		struct pollfd ready = { .fd = fd };

		ready.events = (short)((sending ? POLLOUT : 0) | (receiving ? POLLIN : 0));
		if (poll(&ready, 1, 10000 * slow) == 0) {
			show_tcp(fd);
			fail("poll(%s%s) says nothing for %d s", sending ? "OUT" : "",
			     receiving ? "IN" : "", 10 * slow);
		}
		if (sending && ready.revents & (POLLOUT | POLLERR)) {
			uint64_t left = with.bytes - out.octets;

			send_some(fd, left < piece ? left : piece);
			sending = out.octets < with.bytes;
			if (!sending && closes)
				checked(shutdown(fd, SHUT_WR), "shutdown");
		}
		if (receiving && ready.revents & (POLLIN | POLLHUP | POLLERR)) {
			uint64_t left = with.bytes - in.octets;
			ssize_t got;

			if (read_delay)
				usleep(read_delay);
			got = receive_some(fd, closes || left > read_piece ? read_piece : left);
			if (got == 0 && in.octets < with.bytes)
				fail("ended %llu octets early", (unsigned long long)left);
			if (in.octets > with.bytes)
				fail("more than was sent");
			receiving = closes ? got != 0 : in.octets < with.bytes;
		}
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void ping_pong(int fd)
{
	for (unsigned int round = 0; round < 200; round++) {
		uint64_t size = 1 + (round * 37) % 1500;

		if (with.client)
			send_all(fd, size);
		receive_all(fd, size);
		if (!with.client)
			send_all(fd, size);
	}
}

static void half_close(int fd, bool first)
{
	if (first) {
		send_all(fd, with.bytes);
		checked(shutdown(fd, SHUT_WR), "shutdown");
	}
	receive_all(fd, with.bytes);
	receive_end(fd);
	if (!first) {
		send_all(fd, with.bytes);
		checked(shutdown(fd, SHUT_WR), "shutdown");
	}
}

/* Messages that wait for nobody, so that only their reader has a reason to acknowledge them soon. */
static void drip(int fd)
{
	for (unsigned int message = 0; message < 60; message++) {
		if (with.client) {
			send_all(fd, 100);
			usleep(50000);
		} else {
			receive_all(fd, 100);
		}
	}
}

/* Says whether the connection has been closed by us already. */
static bool abort_it(int fd, bool aborts)
{
	struct linger at_once = { .l_onoff = 1 };
	char octets[512];
	ssize_t got;

	send_all(fd, 100);
	receive_all(fd, 100);
	if (aborts) {
		checked(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), "SO_LINGER");
		checked(close(fd), "close");
		return true;
	}
	got = recv(fd, octets, sizeof(octets), 0);
	if (got >= 0 || errno != ECONNRESET)
		fail("the peer's abort: recv gave %zd, %s", got, got < 0 ? strerror(errno) : "no error");
	return false;
}

static void wait_for(const char *fifo)
{
	char none;
	int fd = checked(open(fifo, O_RDONLY), fifo);

	while (read(fd, &none, 1) > 0)
		;
	close(fd);
}

static void wait_before(void)
{
	puts("peer: waiting");
	fflush(stdout);
	wait_for(with.before);
}

static const char *is_mptcp(int fd)
{
	char info[512] = "";
	socklen_t length = sizeof(info);

	if (getsockopt(fd, SOL_MPTCP, MPTCP_INFO, info, &length) == 0)
		return "yes";
	return errno == EOPNOTSUPP ? "no" : "unknown";
}

/* `mptcpi_subflows`: without the first one. */
static int extra_subflows(int fd)
{
	uint8_t info[512] = { 0 };
	socklen_t length = sizeof(info);

	checked(getsockopt(fd, SOL_MPTCP, MPTCP_INFO, info, &length), "MPTCP_INFO");
	return info[0];
}

/* A connection takes joins when both ends have heard of each other's data. */
static void wait_for_joins(int fd)
{
	send_all(fd, 1);
	receive_all(fd, 1);
	for (int tries = 0; extra_subflows(fd) < with.joins; tries++) {
		if (tries == 1000 * slow)
			fail("%d more subflows of %d after %d s", extra_subflows(fd), with.joins, 10 * slow);
		usleep(10000);
	}
}

static bool talk(int fd)
{
	const char *what = with.conversation;

	if (!strcmp(what, "bulk") || !strcmp(what, "tiny"))
		both_ways(fd, CHUNK, CHUNK, 0, true);
	else if (!strcmp(what, "bytes"))
		both_ways(fd, 1, CHUNK, 0, true);
	else if (!strcmp(what, "slow"))
		both_ways(fd, CHUNK, with.client ? CHUNK : 4096, with.client ? 0 : 2000, true);
	else if (!strcmp(what, "together"))
		both_ways(fd, CHUNK, CHUNK, 0, false);
	else if (!strcmp(what, "ping-pong"))
		ping_pong(fd);
	else if (!strcmp(what, "drip"))
		drip(fd);
	else if (!strcmp(what, "half-client"))
		half_close(fd, with.client);
	else if (!strcmp(what, "half-server"))
		half_close(fd, !with.client);
	else if (!strcmp(what, "abort-client"))
		return abort_it(fd, with.client);
	else if (!strcmp(what, "abort-server"))
		return abort_it(fd, !with.client);
	else
		fail("no such conversation");
	return false;
}

static void converse(int fd)
{
	int protocol = 0, one = 1;
	socklen_t length = sizeof(protocol);
	const char *mptcp;

	begin_ways();
	if (!strcmp(with.conversation, "bytes"))
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
	mptcp = is_mptcp(fd);
	if (with.joins)
		wait_for_joins(fd);
	if (talk(fd))
		fd = -1;
	if (with.keep)
		wait_for(with.keep);
	if (fd >= 0)
		checked(close(fd), "close");
	printf("peer: ok %s as %s sent=%llu/%016llx received=%llu/%016llx protocol=%d mptcp=%s\n",
	       with.conversation, with.client ? "client" : "server", (unsigned long long)out.octets,
	       (unsigned long long)out.sum, (unsigned long long)in.octets, (unsigned long long)in.sum,
	       protocol, mptcp);
	fflush(stdout);
}

/* Where to listen or to connect. */
static union {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} to;
static socklen_t to_length;

static void parse_address(const char *address, const char *port)
{
	if (inet_pton(AF_INET, address, &to.v4.sin_addr) == 1) {
		to.v4.sin_family = AF_INET;
		to.v4.sin_port = htons((uint16_t)atoi(port));
		to_length = sizeof(to.v4);
	} else if (inet_pton(AF_INET6, address, &to.v6.sin6_addr) == 1) {
		to.v6.sin6_family = AF_INET6;
		to.v6.sin6_port = htons((uint16_t)atoi(port));
		to_length = sizeof(to.v6);
	} else {
		fail("'%s' is no address", address);
	}
}

static int make_socket(int family)
{
	int fd, tries = 0;

	do
		fd = socket(family, SOCK_STREAM, with.protocol);
	while (fd < 0 && with.again && (errno == ENOMEM || errno == ENOBUFS) && tries++ < 100 && !usleep(10000));
	checked(fd, "socket");
	if (with.rcvbuf)
		checked(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &with.rcvbuf, sizeof(int)), "SO_RCVBUF");
	if (with.sndbuf)
		checked(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &with.sndbuf, sizeof(int)), "SO_SNDBUF");
	if (with.scheduler)
		checked(setsockopt(fd, SOL_MPTCP, MPTCP_SCHEDULER, with.scheduler, (socklen_t)strlen(with.scheduler)),
			"MPTCP_SCHEDULER");
	if (with.fast_open) {
		int option = with.client ? TCP_FASTOPEN_CONNECT : TCP_FASTOPEN;
		int value = with.client ? 1 : 16;

		checked(setsockopt(fd, SOL_TCP, option, &value, sizeof(value)), "TCP_FASTOPEN");
	}
	return fd;
}

static void serve(void)
{
	int fd = make_socket(to.any.sa_family), one = 1;

	checked(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	checked(bind(fd, &to.any, to_length), "bind");
	if (with.before)
		wait_before();
	checked(listen(fd, 64), "listen");
	puts("peer: listening");
	fflush(stdout);
	for (int i = 0; i < with.connections; i++) {
		alarm(with.seconds);
		converse(checked(accept(fd, NULL, NULL), "accept"));
	}
	close(fd);
}

static void call(void)
{
	for (int i = 0; i < with.connections; i++) {
		int fd = make_socket(to.any.sa_family);

		if (with.before && i == 0)
			wait_before();
		alarm(with.seconds);
		if (connect(fd, &to.any, to_length) < 0)
			fail("connect: %s", strerror(errno));
		converse(fd);
	}
}

static void enter(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	checked(setns(checked(open(path, O_RDONLY | O_CLOEXEC), path), CLONE_NEWNET), path);
}

static void usage(void)
{
	fprintf(stderr, "usage: peer [-f] [-p 262|0] [-j N] [-n BYTES] [-c CONNECTIONS] [-r SO_RCVBUF]\n"
			"            [-s SO_SNDBUF] [-S SCHEDULER] [-m SEED] [-t SECONDS] [-w FIFO] [-k FIFO] [-N NAME]\n"
			"            listen|connect ADDRESS PORT CONVERSATION\n");
	exit(2);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "fp:n:c:r:s:S:j:m:t:w:k:N:R")) != -1) {
		switch (option) {
		case 'f': with.fast_open = true; break;
		case 'p': with.protocol = atoi(optarg); break;
		case 'n': with.bytes = strtoull(optarg, NULL, 0); break;
		case 'c': with.connections = atoi(optarg); break;
		case 'r': with.rcvbuf = atoi(optarg); break;
		case 's': with.sndbuf = atoi(optarg); break;
		case 'S': with.scheduler = optarg; break;
		case 'j': with.joins = atoi(optarg); break;
		case 'm': with.seed = strtoull(optarg, NULL, 0); break;
		case 't': with.seconds = (unsigned int)atoi(optarg); break;
		case 'w': with.before = optarg; break;
		case 'k': with.keep = optarg; break;
		case 'N': enter(optarg); break;
		case 'R': with.again = true; break;
		default: usage();
		}
	}
	if (argc - optind != 4)
		usage();
	if (getenv("SLOW"))
		slow = atoi(getenv("SLOW"));
	with.seconds *= (unsigned int)slow;
	with.client = !strcmp(argv[optind], "connect");
	with.conversation = argv[optind + 3];
	if (!strcmp(with.conversation, "tiny") && !with.rcvbuf)
		with.rcvbuf = 1;
	parse_address(argv[optind + 1], argv[optind + 2]);
	signal(SIGALRM, too_late);
	if (with.client)
		call();
	else
		serve();
	return 0;
}
