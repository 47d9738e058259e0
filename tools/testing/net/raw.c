// SPDX-License-Identifier: GPL-2.0
/*
 * Bad input: speaks just enough TCP and MPTCP from a packet socket to send what no stack
 * would, and holds an ordinary socket of the other side in the same process.
 *
 *	raw VICTIM-NAMESPACE RAW-NAMESPACE INTERFACE VICTIM-MAC [NAME]
 *
 * The victim is 10.2.2.2; we are 10.2.2.1, an address that our own kernel does not have.
 * Prints `ok NAME` or `no NAME: why` per case.
 */
#include "rawtcp.h"

enum { MPTCP_PORT = 20001, TCP_PORT = 20002 };

static int victim_namespace, listener, plain_listener;
static uint16_t next_port = 40000;

/* Waits for a segment with these flags; false after a second without. */
static bool await(uint8_t flags)
{
	while (receive(1000))
		if ((got.flags & flags) == flags)
			return true;
	return false;
}

/* --- what we send --- */

static void say_syn(unsigned int length, unsigned int flags)
{
	struct options o = {};

	begin(&o, length, 0, flags);
	while (o.length < length)
		put(&o, 0, 1);
	send_segment(SYN, &o, NULL, 0);
}

static void ack_with_keys(uint64_t key, uint64_t peer_key)
{
	struct options o = {};

	begin(&o, 20, 0, 0x101);
	put(&o, key, 8);
	put(&o, peer_key, 8);
	send_segment(ACK, &o, NULL, 0);
}

/* Data with a mapping of `mapped` octets at `dsn`, subflow offset `ssn`. */
static void say_mapped(const char *text, uint64_t dsn, uint32_t ssn, unsigned int mapped)
{
	struct options o = {};

	begin(&o, 26, 2, 1 | 4 | 8);
	put(&o, c.peer_dsn, 4);
	put(&o, dsn, 8);
	put(&o, ssn, 4);
	put(&o, mapped, 2);
	o.at[1] = (uint8_t)(o.length);
	send_segment(ACK | PSH, &o, text, (unsigned int)strlen(text));
}

static void say(const char *text)
{
	say_mapped(text, c.dsn, c.seq - c.first_seq, (unsigned int)strlen(text));
	c.dsn += strlen(text);
}

static void say_with(const struct options *o, const char *text)
{
	send_segment(ACK | PSH, o, text, (unsigned int)strlen(text));
}

/* --- what the victim's program sees --- */

static int accepted(int from)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	int fd;

	if (poll(&ready, 1, 1000) <= 0)
		no("nothing to accept");
	fd = accept4(from, NULL, NULL, SOCK_NONBLOCK);
	if (fd < 0)
		no("accept: %s", strerror(errno));
	return fd;
}

/* Text within a second; -1 for an error (errno), 0 for the end or nothing (EAGAIN). */
static ssize_t hear(int fd, char *text, size_t most, int ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	errno = EAGAIN;
	if (poll(&ready, 1, ms) <= 0)
		return -1;
	return recv(fd, text, most, 0);
}

static void hears(int fd, const char *expected)
{
	char text[200] = "";
	size_t have = 0;

	while (have < strlen(expected)) {
		ssize_t n = hear(fd, text + have, sizeof(text) - 1 - have, 1000);

		if (n <= 0)
			no("expected '%s', heard '%s' and then %s", expected, text,
			   n ? strerror(errno) : "the end");
		have += (size_t)n;
	}
	if (strcmp(text, expected))
		no("expected '%s', heard '%s'", expected, text);
}

/* Nothing wrong is delivered: either exactly this or an error, the end or silence. */
static void hears_nothing_else(int fd, const char *allowed)
{
	char text[200] = "";
	ssize_t n = hear(fd, text, sizeof(text) - 1, 300);

	if (n > 0 && strncmp(text, allowed, (size_t)n))
		no("heard '%s'", text);
}

static int protocol_of(int fd)
{
	int value = 0;

	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &(socklen_t){ sizeof(value) });
	return value;
}

/* An MPTCP connection, accepted. */
static int established(void)
{
	const uint8_t *capable;
	int fd;

	new_connection(next_port++, MPTCP_PORT);
	say_syn(4, 0x101);
	holds(await(SYN | ACK));
	capable = option(0);
	holds(capable && capable[1] == 12);
	learn_key(get(capable + 4, 8));
	ack_with_keys(c.key, c.peer_key);
	fd = accepted(listener);
	holds(protocol_of(fd) == MPTCP);
	return fd;
}

/* The connection still works. */
static void goes_on(int fd)
{
	say("on and on");
	hears(fd, "on and on");
	close(fd);
}

/* --- cases: the SYN --- */

/* A SYN whose option is no MP_CAPABLE of ours: TCP, and data without options. */
static void becomes_tcp(void)
{
	int fd;

	if (!await(SYN | ACK))
		no("no SYN/ACK");
	holds(!option(0));
	send_segment(ACK, NULL, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	fd = accepted(listener);
	holds(protocol_of(fd) == IPPROTO_TCP);
	hears(fd, "plain");
	close(fd);
}

static void good_connection(void)
{
	int fd = established();

	say("one");
	say("two");
	hears(fd, "onetwo");
	holds(send(fd, "three", 5, 0) == 5);
	while (receive(1000) && !got.length)
		;
	holds(got.length == 5 && !memcmp(got.octets, "three", 5) && option(2));
	goes_on(fd);
}

#define syn_case(name, length, flags) \
	static void name(void) { new_connection(next_port++, MPTCP_PORT); say_syn(length, flags); becomes_tcp(); }
syn_case(syn_truncated, 3, 0x101)
syn_case(syn_of_five, 5, 0x101)
syn_case(syn_overlong, 20, 0x101)
syn_case(syn_of_version_0, 4, 0x001)
syn_case(syn_without_algorithm, 4, 0x100)
syn_case(syn_with_extension_bit, 4, 0x141)

#define raw_syn_case(name, ...) \
	static void name(void) \
	{ \
		struct options o = { .at = { __VA_ARGS__ }, .length = sizeof((uint8_t[]){ __VA_ARGS__ }) }; \
		new_connection(next_port++, MPTCP_PORT); \
		send_segment(SYN, &o, NULL, 0); \
		becomes_tcp(); \
	}
raw_syn_case(syn_option_of_length_0, 30, 0, 1, 1)
raw_syn_case(syn_option_of_length_1, 30, 1, 1, 1)
raw_syn_case(syn_option_of_length_2, 30, 2, 1, 1)
raw_syn_case(syn_option_beyond_the_header, 30, 40, 1, 1)
raw_syn_case(syn_with_dss, 30, 8, 0x20, 1, 0, 0, 0, 0)
raw_syn_case(syn_with_fast_close, 30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8)
raw_syn_case(syn_with_unknown_subtype, 30, 4, 0xf0, 0)

/* RFC 8684 3.1: answer with a version that we do speak, or not at all. */
static void syn_of_version_2(void)
{
	new_connection(next_port++, MPTCP_PORT);
	say_syn(4, 0x201);
	holds(await(SYN | ACK));
	holds(!option(0) || (option(0)[2] & 15) == 1);
}

static void syn_with_capable_twice(void)
{
	struct options o = {};

	new_connection(next_port++, MPTCP_PORT);
	begin(&o, 4, 0, 0x101);
	begin(&o, 4, 0, 0x101);
	send_segment(SYN, &o, NULL, 0);
	holds(await(SYN | ACK));
	send_segment(ACK, NULL, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	hears(accepted(listener), "plain");
}

static void syn_with_capable_and_join(void)
{
	struct options o = {};

	new_connection(next_port++, MPTCP_PORT);
	begin(&o, 4, 0, 0x101);
	begin(&o, 12, 1, 0);
	put(&o, 0x0123456789abcdef, 8);
	send_segment(SYN, &o, NULL, 0);
	holds(receive(1000));
	holds(got.flags & RST || (got.flags & SYN && !option(1)));
}

static void join_of_unknown_token(void)
{
	struct options o = {};

	new_connection(next_port++, MPTCP_PORT);
	begin(&o, 12, 1, 0);
	put(&o, 0x0123456789abcdef, 8);
	send_segment(SYN, &o, NULL, 0);
	holds(await(RST));
	holds(option(8) && (option(8)[3] & 15) == 1);
}

/* --- cases: the third ACK --- */

static void answered_syn(void)
{
	new_connection(next_port++, MPTCP_PORT);
	say_syn(4, 0x101);
	holds(await(SYN | ACK) && option(0));
	learn_key(get(option(0) + 4, 8));
}

static void ack_without_option(void)
{
	int fd;

	answered_syn();
	send_segment(ACK, NULL, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	fd = accepted(listener);
	hears(fd, "plain");
	close(fd);
}

static void ack_with_truncated_keys(void)
{
	struct options o = {};
	int fd;

	answered_syn();
	begin(&o, 12, 0, 0x101);
	put(&o, c.key, 8);
	send_segment(ACK, &o, NULL, 0);
	send_segment(ACK | PSH, NULL, "plain", 5);
	fd = accepted(listener);
	hears(fd, "plain");
	close(fd);
}

/* Not the key that the SYN/ACK gave: no MPTCP from it. A reset, or TCP. */
static void ack_with_garbage_key(void)
{
	struct pollfd ready = { .fd = listener, .events = POLLIN };
	int fd;

	answered_syn();
	ack_with_keys(c.key, ~c.peer_key);
	say("mapped");
	if (poll(&ready, 1, 500) <= 0)
		return;
	fd = accepted(listener);
	hears_nothing_else(fd, "mapped");
	close(fd);
}

/* --- cases: an established connection --- */

static void data_without_mapping(void)
{
	int fd = established();

	send_segment(ACK | PSH, NULL, "plain", 5);
	hears(fd, "plain");
	send_segment(ACK | PSH, NULL, "again", 5);
	hears(fd, "again");
	close(fd);
}

/* After this data the victim has delivered it as TCP would or reset us, never something else. */
static void falls_back_or_resets(int fd, const char *text)
{
	hears_nothing_else(fd, text);
	close(fd);
}

static void mapping_truncated(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 10, 2, 1 | 4 | 8);
	put(&o, c.dsn, 6);
	say_with(&o, "short");
	falls_back_or_resets(fd, "short");
}

static void mapping_overlong(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 30, 2, 1 | 4 | 8);
	put(&o, c.peer_dsn, 4);
	put(&o, c.dsn, 8);
	put(&o, 1, 4);
	put(&o, 4, 2);
	put(&o, 0, 8);
	say_with(&o, "long");
	falls_back_or_resets(fd, "long");
}

static void mapping_twice_with_different_numbers(void)
{
	struct options o = {};
	int fd = established();

	for (unsigned int i = 0; i < 2; i++) {
		begin(&o, 18, 2, 4 | 8);
		put(&o, c.dsn + i * 100, 8);
		put(&o, 1, 4);
		put(&o, 5, 2);
	}
	say_with(&o, "twice");
	falls_back_or_resets(fd, "twice");
}

static void mapping_far_outside_the_window(void)
{
	char text[20];
	int fd = established();

	say_mapped("far away", c.dsn + (1ull << 40), c.seq - c.first_seq, 8);
	holds(hear(fd, text, sizeof(text), 300) <= 0);
	close(fd);
}

static void mapping_of_other_octets(void)
{
	int fd = established();

	say_mapped("elsewhere", c.dsn, c.seq - c.first_seq + 5000, 9);
	falls_back_or_resets(fd, "elsewhere");
}

static void mapping_changed_underway(void)
{
	int fd = established();

	say_mapped("first ", c.dsn, 1, 12);
	say_mapped("second", c.dsn + 600, 1, 12);
	falls_back_or_resets(fd, "first second");
}

static void mapping_repeated_for_old_data(void)
{
	int fd = established();

	say("once");
	hears(fd, "once");
	c.dsn -= 4;
	say("once");
	goes_on(fd);
}

static void infinite_mapping(void)
{
	int fd = established();

	say_mapped("for ever", c.dsn, c.seq - c.first_seq, 0);
	hears(fd, "for ever");
	send_segment(ACK | PSH, NULL, " and ever", 9);
	hears(fd, " and ever");
	close(fd);
}

static void checksum_not_agreed_on(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 20, 2, 4 | 8);
	put(&o, c.dsn, 8);
	put(&o, 1, 4);
	put(&o, 3, 2);
	put(&o, 0x1234, 2);
	say_with(&o, "sum");
	falls_back_or_resets(fd, "sum");
}

static void data_ack_of_what_was_never_sent(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 12, 2, 1 | 2);
	put(&o, c.peer_dsn + 100000, 8);
	send_segment(ACK, &o, NULL, 0);
	goes_on(fd);
}

static void data_fin_from_the_future(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 18, 2, 4 | 8 | 16);
	put(&o, c.dsn + 5000, 8);
	put(&o, 0, 4);
	put(&o, 1, 2);
	send_segment(ACK, &o, NULL, 0);
	goes_on(fd);
}

static void fast_close_with_garbage_key(void)
{
	struct options o = {};
	int fd = established();

	begin(&o, 12, 7, 0);
	put(&o, ~c.peer_key, 8);
	send_segment(ACK, &o, NULL, 0);
	goes_on(fd);
}

static void fast_close_with_the_key(void)
{
	struct options o = {};
	char text[4];
	int fd = established();

	begin(&o, 12, 7, 0);
	put(&o, c.peer_key, 8);
	send_segment(ACK, &o, NULL, 0);
	holds(await(RST));
	holds(hear(fd, text, sizeof(text), 1000) < 0 && errno == ECONNRESET);
	close(fd);
}

static void reset_with_truncated_reason(void)
{
	struct options o = {};
	char text[4];
	int fd = established();

	begin(&o, 3, 8, 0);
	o.length = 3;
	send_segment(RST | ACK, &o, NULL, 0);
	hear(fd, text, sizeof(text), 500);
	close(fd);
}

#define ignored_case(name, ...) \
	static void name(void) \
	{ \
		struct options o = { .at = { __VA_ARGS__ }, .length = sizeof((uint8_t[]){ __VA_ARGS__ }) }; \
		int fd = established(); \
		send_segment(ACK, &o, NULL, 0); \
		goes_on(fd); \
	}
ignored_case(add_address_with_garbage_hmac, 30, 16, 0x30, 5, 10, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8)
ignored_case(add_address_truncated, 30, 9, 0x30, 5, 10, 9, 9, 9, 1)
ignored_case(add_address_of_family_7, 30, 16, 0x37, 5, 10, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8)
ignored_case(remove_of_unknown_addresses, 30, 6, 0x40, 3, 4, 5)
ignored_case(remove_of_no_address, 30, 3, 0x40)
ignored_case(priority_of_odd_length, 30, 5, 0x50, 1, 2)
ignored_case(join_on_an_old_connection, 30, 24, 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, \
	     17, 18, 19, 20)
ignored_case(unknown_subtype, 30, 8, 0xf0, 1, 2, 3, 4, 5)
ignored_case(option_of_length_0, 30, 0, 0x20, 1)
ignored_case(option_of_length_2, 30, 2, 1, 1)
ignored_case(option_beyond_the_header, 30, 39, 0x20, 1)
ignored_case(fail_truncated, 30, 8, 0x60, 0, 1, 2, 3, 4)

/* Random option areas around true ones: nothing to be heard but what was said. */
static void random_options(void)
{
	srand(1);
	for (int i = 0; i < 40; i++) {
		int fd = established();

		for (int k = 0; k < 12; k++) {
			struct options o = {};

			while (o.length < 28 && rand() % 4) {
				begin(&o, (unsigned int)(rand() % 28), (unsigned int)(rand() % 10),
				      (unsigned int)rand() & 0xfff);
				put(&o, (uint64_t)rand() << 32 | (uint32_t)rand(), rand() % 9);
			}
			if (o.length % 4)
				put(&o, 0x01010101, 4 - (int)o.length % 4);
			if (rand() % 2)
				send_segment(ACK, &o, NULL, 0);
			else
				say_with(&o, "x");
		}
		close(fd);
		while (receive(0))
			;
	}
	good_connection();
}

/* --- cases: a plain TCP socket, in a namespace that has MPTCP sockets --- */

static void tcp_socket_ignores_all(void)
{
	static const uint8_t areas[][12] = {
		{ 30, 8, 0x20, 1, 1, 2, 3, 4 }, { 30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8 },
		{ 30, 12, 0x60, 0, 1, 2, 3, 4, 5, 6, 7, 8 }, { 30, 0, 0, 0 }, { 30, 1, 0, 0 }, { 30, 40, 0, 0 },
		{ 30, 4, 0xf0, 0 }, { 30, 3, 0x50, 1 }, { 30, 12, 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8 },
	};
	char text[20];
	int fd;

	new_connection(next_port++, TCP_PORT);
	say_syn(4, 0x101);
	holds(await(SYN | ACK) && !option(0));
	ack_with_keys(c.key, 1);
	fd = accepted(plain_listener);
	holds(protocol_of(fd) == IPPROTO_TCP);
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		struct options o = { .length = 12 };

		memcpy(o.at, areas[i], 12);
		snprintf(text, sizeof(text), "some %zu", i);
		say_with(&o, text);
		/* The kernel drops a segment whose options do not add up (it looks for TCP-AO): once more. */
		if (areas[i][1] < 2 || areas[i][1] > 12) {
			c.seq -= (uint32_t)strlen(text);
			send_segment(ACK | PSH, NULL, text, (unsigned int)strlen(text));
		}
		hears(fd, text);
	}
	say_mapped("mapped", 12345, 77, 3);
	hears(fd, "mapped");
	close(fd);
}

/* --- cases: our SYN/ACK to the victim's connect() --- */

/* The victim calls; says what it gets back, with its SYN taken apart. */
static int called(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd;

	new_connection(next_port++, 0);
	to.sin_port = htons(c.port);
	inet_pton(AF_INET, "10.2.2.1", &to.sin_addr);
	setns(victim_namespace, CLONE_NEWNET);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, MPTCP);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno != EINPROGRESS)
		no("connect: %s", strerror(errno));
	holds(await(SYN));
	holds(option(0) && option(0)[1] == 4);
	return fd;
}

static void connects(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	holds(poll(&ready, 1, 1000) == 1 && ready.revents == POLLOUT);
}

static void answer_good(void)
{
	struct options o = {};
	int fd = called();

	begin(&o, 12, 0, 0x101);
	put(&o, c.key, 8);
	send_segment(SYN | ACK, &o, NULL, 0);
	connects(fd);
	holds(await(ACK) && option(0) && option(0)[1] == 20 && get(option(0) + 12, 8) == c.key);
	learn_key(get(option(0) + 4, 8));
	goes_on(fd);
}

/* Octets in both directions without a mapping. */
static void talks_as_tcp(int fd)
{
	send_segment(ACK | PSH, NULL, "plain", 5);
	hears(fd, "plain");
	holds(send(fd, "back", 4, 0) == 4);
	while (receive(1000) && !got.length)
		;
	holds(got.length == 4 && !option(2));
	close(fd);
}

/* The answer is no MP_CAPABLE: TCP in both directions. */
static void client_becomes_tcp(int fd)
{
	connects(fd);
	holds(await(ACK) && !got.options_length);
	talks_as_tcp(fd);
}

#define answer_case(name, ...) \
	static void name(void) \
	{ \
		struct options o = { .at = { __VA_ARGS__ }, .length = sizeof((uint8_t[]){ __VA_ARGS__ }) }; \
		int fd = called(); \
		send_segment(SYN | ACK, o.length > 1 ? &o : NULL, NULL, 0); \
		client_becomes_tcp(fd); \
	}
answer_case(answer_plain, 1)
answer_case(answer_truncated, 30, 8, 0x01, 1, 1, 2, 3, 4)
answer_case(answer_without_key, 30, 4, 0x01, 1)
answer_case(answer_of_version_0, 30, 12, 0x00, 1, 1, 2, 3, 4, 5, 6, 7, 8)
answer_case(answer_without_algorithm, 30, 12, 0x01, 0, 1, 2, 3, 4, 5, 6, 7, 8)
answer_case(answer_with_extension_bit, 30, 12, 0x01, 0x41, 1, 2, 3, 4, 5, 6, 7, 8)
answer_case(answer_with_dss, 30, 8, 0x20, 1, 1, 2, 3, 4)
answer_case(answer_of_length_0, 30, 0, 0x01, 1)

/* Both ends call at once: RFC 8684 has no handshake for it. */
static void syns_that_cross(void)
{
	struct options o = {};
	int fd = called();

	begin(&o, 4, 0, 0x101);
	send_segment(SYN, &o, NULL, 0);
	holds(await(SYN | ACK) && !option(0));
	send_segment(ACK, NULL, NULL, 0);
	connects(fd);
	talks_as_tcp(fd);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
#define one(name) { #name, name }
	one(good_connection),
	one(syn_truncated), one(syn_of_five), one(syn_overlong), one(syn_of_version_0), one(syn_of_version_2),
	one(syn_without_algorithm), one(syn_with_extension_bit), one(syn_option_of_length_0),
	one(syn_option_of_length_1), one(syn_option_of_length_2), one(syn_option_beyond_the_header),
	one(syn_with_dss), one(syn_with_fast_close), one(syn_with_unknown_subtype),
	one(syn_with_capable_twice), one(syn_with_capable_and_join), one(join_of_unknown_token),
	one(ack_without_option), one(ack_with_truncated_keys), one(ack_with_garbage_key),
	one(data_without_mapping), one(mapping_truncated), one(mapping_overlong),
	one(mapping_twice_with_different_numbers), one(mapping_far_outside_the_window),
	one(mapping_of_other_octets), one(mapping_changed_underway), one(mapping_repeated_for_old_data),
	one(infinite_mapping), one(checksum_not_agreed_on), one(data_ack_of_what_was_never_sent),
	one(data_fin_from_the_future), one(fast_close_with_garbage_key), one(fast_close_with_the_key),
	one(reset_with_truncated_reason), one(add_address_with_garbage_hmac), one(add_address_truncated),
	one(add_address_of_family_7), one(remove_of_unknown_addresses), one(remove_of_no_address),
	one(priority_of_odd_length), one(join_on_an_old_connection), one(unknown_subtype),
	one(option_of_length_0), one(option_of_length_2), one(option_beyond_the_header), one(fail_truncated),
	one(random_options), one(tcp_socket_ignores_all),
	one(answer_good), one(answer_plain), one(answer_truncated), one(answer_without_key),
	one(answer_of_version_0), one(answer_without_algorithm), one(answer_with_extension_bit),
	one(answer_with_dss), one(answer_of_length_0), one(syns_that_cross),
};

static int listen_on(uint16_t port, int protocol)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, protocol);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 64) < 0) {
		perror("raw: listen");
		exit(2);
	}
	return fd;
}

/* What the last case left in the queue of a listener. */
static void empty(int from)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };

	while (poll(&ready, 1, 0) > 0)
		close(accept(from, NULL, NULL));
}

int main(int argc, char **argv)
{
	static int failures;

	if (argc < 5)
		return 2;
	victim_namespace = namespace_of(argv[1]);
	setns(namespace_of(argv[2]), CLONE_NEWNET);
	open_link(argv[3], argv[4]);
	setns(victim_namespace, CLONE_NEWNET);
	listener = listen_on(MPTCP_PORT, MPTCP);
	plain_listener = listen_on(TCP_PORT, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (argc > 5 && strcmp(argv[5], cases[i].name))
			continue;
		if (setjmp(failed)) {
			printf("no %s: %s\n", cases[i].name, why);
			failures++;
		} else {
			cases[i].run();
			printf("ok %s\n", cases[i].name);
		}
		fflush(stdout);
		if (c.peer_port && c.ack)
			send_segment(RST | ACK, NULL, NULL, 0);
		empty(listener);
		empty(plain_listener);
	}
	return failures > 0;
}
