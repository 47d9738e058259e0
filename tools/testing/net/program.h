// SPDX-License-Identifier: GPL-2.0
/*
 * The program behind the victim's socket: what it does in its turn, or in a thread of its own
 * meanwhile. It writes capitals and reads small letters. What is wrong with the latter it
 * says in `program_wrong`, because a thread cannot jump out of what another does.
 */
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#define MPTCP_INFO 1

static int program = -1;
/* Octets: written, read, in segments on their way to be read, and due in order. */
static uint64_t program_sent, program_read, octets_to_program, octets_due;
/* What is read must be the nth small letter of what is sent, not any. */
static bool read_in_order;
static char program_wrong[200];
static pthread_t thread;
static bool threaded;
static atomic_bool stop;

static uint8_t program_octet(uint64_t place) { return (uint8_t)('A' + place % 26); }

/* Ours, in pieces of 100. */
static uint8_t our_octet(uint64_t place) { return (uint8_t)('a' + place % 100 % 26); }

static void wrong(const char *what, uint64_t number)
{
	if (!*program_wrong)
		snprintf(program_wrong, sizeof(program_wrong), "%s (%llu)", what, (unsigned long long)number);
}

static void program_is_right(void)
{
	if (*program_wrong)
		no("%s", program_wrong);
}

static void program_starts(void)
{
	program = -1;
	program_sent = program_read = octets_to_program = octets_due = 0;
	read_in_order = false;
	*program_wrong = 0;
}

static bool wait_for(short events, int ms)
{
	struct pollfd ready = { .fd = program, .events = events };

	return poll(&ready, 1, ms) > 0;
}

static ssize_t read_some(size_t most, int flags)
{
	uint8_t text[4000];
	ssize_t n = recv(program, text, most < sizeof(text) ? most : sizeof(text), flags | MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++) {
		if (text[i] < 'a' || text[i] > 'z')
			wrong("the program reads an octet that was never sent", text[i]);
		if (read_in_order && text[i] != our_octet(program_read + (uint64_t)i))
			wrong("the program reads another octet than was sent", program_read + (uint64_t)i);
	}
	if (n > 0 && !(flags & MSG_PEEK))
		program_read += (uint64_t)n;
	if (program_read > octets_to_program)
		wrong("the program reads more than was sent", program_read - octets_to_program);
	return n;
}

static bool program_sends(size_t length)
{
	uint8_t text[4000];
	ssize_t n;

	for (size_t i = 0; i < length && i < sizeof(text); i++)
		text[i] = program_octet(program_sent + i);
	n = send(program, text, length < sizeof(text) ? length : sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		program_sent += (uint64_t)n;
	return n > 0;
}

static bool program_fills(void)
{
	int little = 8192;

	setsockopt(program, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	while (program_sends(4000))
		;
	return errno == EAGAIN;
}

static bool program_reads_all(int ms)
{
	while (program_read < octets_due)
		if (!wait_for(POLLIN, ms) || read_some(4000, 0) <= 0)
			return false;
	return true;
}

static bool program_accepts(int listener, int ms)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };

	if (poll(&ready, 1, ms) <= 0)
		return false;
	program = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	return program >= 0;
}

/* To us; `mapped`: IPv4 by an IPv6 socket. */
static void program_connects(bool v6, uint16_t port, bool fast_open, bool mapped)
{
	struct sockaddr_in v4_to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6_to = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const void *to = v6 || mapped ? (void *)&v6_to : (void *)&v4_to;
	socklen_t length = v6 || mapped ? sizeof(v6_to) : sizeof(v4_to);
	ssize_t n;

	inet_pton(AF_INET, "10.2.2.1", &v4_to.sin_addr);
	inet_pton(AF_INET6, v6 ? "fd02::1" : "::ffff:10.2.2.1", &v6_to.sin6_addr);
	program = socket(v6 || mapped ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, MPTCP);
	if (fast_open) {
		uint8_t text[50];

		for (unsigned int i = 0; i < sizeof(text); i++)
			text[i] = program_octet(i);
		n = sendto(program, text, sizeof(text), MSG_FASTOPEN | MSG_NOSIGNAL, to, length);
		if (n > 0)
			program_sent = (uint64_t)n;
	} else {
		n = connect(program, to, length);
	}
	if (n < 0 && errno != EINPROGRESS)
		no("connect: %s", strerror(errno));
}

static void program_shuts(void) { shutdown(program, SHUT_WR); }

static void program_closes(bool aborting)
{
	struct linger at_once = { .l_onoff = 1 };

	if (program < 0)
		return;
	if (aborting)
		setsockopt(program, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(program);
	program = -1;
}

/* Asks for, and sets, what a program might. */
static void use_options(void)
{
	int size = 2000 + (int)below(60000), queued;
	char info[1000];
	socklen_t length = below(sizeof(info));

	switch (below(8)) {
	case 0: getsockopt(program, SOL_MPTCP, MPTCP_INFO, info, &length); break;
	case 1: getsockopt(program, IPPROTO_TCP, TCP_INFO, info, &length); break;
	case 2: getsockopt(program, SOL_SOCKET, SO_ERROR, info, &length); break;
	case 3: ioctl(program, FIONREAD, &queued); break;
	case 4: ioctl(program, TIOCOUTQ, &queued); break;
	case 5: setsockopt(program, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); break;
	case 6: setsockopt(program, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); break;
	case 7: setsockopt(program, IPPROTO_TCP, TCP_NODELAY, &size, sizeof(size)); break;
	}
}

/* One thing or another. */
static void program_acts(void)
{
	unsigned int what = below(100), length = 1 + below(3000);
	int flags = one_of(int, 0, 0, 0, MSG_PEEK, MSG_WAITALL);

	if (program < 0)
		return;
	if (what < 40) {
		keep("= recv(%u, %x): %zd", length, (unsigned int)flags, read_some(length, flags));
	} else if (what < 65) {
		keep("= send(%u): %d", length, program_sends(length));
	} else if (what < 78) {
		wait_for(one_of(short, POLLIN, POLLOUT, POLLIN | POLLOUT | POLLRDHUP | POLLPRI), 0);
	} else if (what < 94) {
		use_options();
	} else if (what < 97) {
		keep("= shutdown(%u)", length % 3);
		shutdown(program, (int)(length % 3));
	} else if (what < 98) {
		keep("= connect(AF_UNSPEC)");
		connect(program, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
	} else {
		keep("= close%s", length % 2 ? ", aborting" : "");
		program_closes(length % 2);
	}
}

static void *act_on(void *start)
{
	chance_state = *(uint64_t *)start;
	while (!atomic_load(&stop)) {
		program_acts();
		wait_for(POLLIN, (int)below(2));
	}
	return NULL;
}

static void program_stops(void)
{
	if (!threaded)
		return;
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	threaded = false;
}

/* In a thread, until it is stopped. */
static void program_runs(uint64_t start_with)
{
	static uint64_t start;

	start = start_with;
	atomic_store(&stop, false);
	threaded = pthread_create(&thread, NULL, act_on, &start) == 0;
}
