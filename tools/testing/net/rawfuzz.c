// SPDX-License-Identifier: GPL-2.0
/*
 * Live sockets against a peer that is correct as TCP and whose MPTCP options are mutated.
 *
 *	rawfuzz SEED[:CONNECTION] SEEDS CONNECTIONS VICTIM-NAMESPACE RAW-NAMESPACE INTERFACE VICTIM-MAC
 *
 * Each connection is led by valid segments into one of the states below; there it gets mutants
 * (mutants.h), while the program behind its socket reads, writes, polls and closes; then it
 * is reset, and its socket must go. Between them come honest connections, which must be served.
 * What is sent follows from the seed and the number of the connection, except what the victim
 * has chosen, its keys and numbers; so SEED:CONNECTION plays that connection alone again.
 *
 * Wrong is: a complaint of the kernel (COMPLAINTS, a regular expression), a socket left, an octet
 * that nobody sent, a malformed option from the victim. Prints `no WHY`, with the last segments
 * as `# ` before it, and at the end for each state `ok STATE` or `no STATE`: never reached.
 */
#include "rawtcp.h"
#include "mutants.h"
#include "record.h"
#include "program.h"
#include <regex.h>

enum { ANY_PORT = 20001, DUAL_PORT = 20002, MUTANTS = 16, PORTS = 32 };

/* --- the states --- */

/*
 * What leads there. We: o open, e establish, E establish and leave it to the queue, d data, u data
 * without a mapping, i infinite mapping, g data behind a gap, a acknowledge everything, f DATA_FIN,
 * n FIN, s a SYN of ours crosses, m MP_FAIL, x fast close, z no window. The program: S sends, W writes
 * until there is no room, R reads what is due, H shutdown(WR), X close, A abort.
 */
static const struct state {
	const char *name, *steps;
	enum { EITHER, SERVER, CLIENT } victim;
} states[] = {
	{ "LISTEN", "", SERVER },
	{ "SYN_SENT", "o", CLIENT },
	{ "SYN_SENT, SYNs crossed", "os", CLIENT },
	{ "SYN_RECV", "o", SERVER },
	{ "not accepted", "oE", SERVER },
	{ "established", "oe", EITHER },
	{ "established, data both ways", "oedRSa", EITHER },
	{ "data unread", "oed", EITHER },
	{ "data behind a gap", "oedRg", EITHER },
	{ "data unacknowledged", "oedRS", EITHER },
	{ "window closed", "oedRzW", EITHER },
	{ "FIN_WAIT1", "oedRH", EITHER },
	{ "FIN_WAIT1, data unacknowledged", "oedRSH", EITHER },
	{ "FIN_WAIT2", "oedRHa", EITHER },
	{ "CLOSE_WAIT", "oedRf", EITHER },
	{ "CLOSING", "oedRHf", EITHER },
	{ "LAST_ACK", "oedRfH", EITHER },
	{ "subflow's FIN sent", "oedRHaf", EITHER },
	{ "subflow's TIME_WAIT", "oedRHafn", EITHER },
	{ "subflow's CLOSE_WAIT", "oedRn", EITHER },
	{ "orphan in FIN_WAIT1", "oedRSX", EITHER },
	{ "orphan in FIN_WAIT2", "oedRXa", EITHER },
	{ "orphan in LAST_ACK", "oedRfX", EITHER },
	{ "fallback", "oeuRS", EITHER },
	{ "fallback, FIN_WAIT", "oeuRHa", EITHER },
	{ "fallback, CLOSE_WAIT", "oeuRn", EITHER },
	{ "infinite mapping", "oeiRS", EITHER },
	{ "MP_FAIL received", "oedRSm", EITHER },
	{ "fast close received", "oedRx", EITHER },
	{ "fast close sent", "oedRSaA", EITHER },
};
enum { STATES = sizeof(states) / sizeof(states[0]) };

static struct {
	unsigned int connections, reached, segments;
} tally[STATES][2];

/* --- what is going on --- */

static uint64_t seed;
static int references, slow = 1;
/* How long an answer may take. */
static int patience;
static int listeners[3];
static regex_t complaints;

static struct {
	unsigned int number, ports;
	const struct state *state;
	bool client, cookies, fast_open, concurrent;
	int listener;
	uint32_t victim_isn;
	bool reset, fin, data_fin;
	uint64_t data_acked;
	struct connection used[PORTS];
} f;

/* --- the segments, for the record --- */

/* Numbers are those of the victim from its SYN, ours from ours. */
static void keep_segment(bool ours, const uint8_t *tcp, unsigned int length)
{
	unsigned int header = (tcp[12] >> 4) * 4u;
	uint32_t seq = (uint32_t)get(tcp + 4, 4), ack = (uint32_t)get(tcp + 8, 4);
	char flags[8], hex[81] = "";

	if (!ours && tcp[13] & SYN)
		f.victim_isn = seq;
	for (int i = 0; i < 6; i++)
		flags[i] = tcp[13] & 1 << i ? "FSRPAU"[i] : '.';
	flags[6] = 0;
	for (unsigned int i = 20; i < header && i < 60; i++)
		sprintf(hex + 2 * (i - 20), "%02x", tcp[i]);
	keep("%c %s seq %u ack %u win %u +%u %s", ours ? '>' : '<', flags, seq - (ours ? c.first_seq : f.victim_isn),
	     tcp[13] & ACK ? ack - (ours ? f.victim_isn : c.first_seq) : 0, (unsigned int)get(tcp + 14, 2),
	     length - header, hex);
	if (ours)
		octets_to_program += length - header;
}

/* --- what the victim sends --- */

static uint64_t expanded(const uint8_t *at, bool of_8, uint64_t near)
{
	uint64_t value = get(at, of_8 ? 8 : 4);

	return of_8 ? value : near + (uint64_t)(int64_t)(int32_t)((uint32_t)value - (uint32_t)near);
}

static bool legal_length(const uint8_t *o)
{
	unsigned int flags = o[3], base;

	switch (o[2] >> 4) {
	case CAPABLE: return o[1] == 4 || o[1] == 12 || o[1] == 20 || o[1] == 22 || o[1] == 24;
	case JOIN: return o[1] == 12 || o[1] == 16 || o[1] == 24;
	case DSS:
		base = 4 + (flags & HAS_ACK ? flags & ACK_OF_8 ? 8 : 4 : 0) +
			(flags & HAS_MAP ? flags & DSN_OF_8 ? 14 : 10 : 0);
		return o[1] == base || (flags & HAS_MAP && o[1] == base + 2);
	case FAIL: case FAST_CLOSE: return o[1] == 12;
	case RESET: return o[1] == 4;
	default: return o[1] >= 3;
	}
}

/* The option area of `got` adds up. */
static void check_options(void)
{
	unsigned int at = 0, seen = 0;

	while (at < got.options_length && got.options[at] != 0) {
		const uint8_t *o = got.options + at;

		if (*o == 1) {
			at++;
			continue;
		}
		if (at + 1 >= got.options_length || o[1] < 2 || at + o[1] > got.options_length)
			no("the victim's options do not add up");
		if (*o == 30 && (o[1] < 3 || !legal_length(o)))
			no("the victim sends an MPTCP option of subtype %d with length %d", o[2] >> 4, o[1]);
		if (*o == 30 && seen & 1u << (o[2] >> 4))
			no("the victim sends subtype %d twice", o[2] >> 4);
		if (*o == 30)
			seen |= 1u << (o[2] >> 4);
		if (*o == 8 && o[1] == 10)
			speaks.echo = (uint32_t)get(o + 2, 4);
		at += o[1];
	}
}

/* The octets of `got` are the program's, and where its mapping says. Behind data on a SYN places are counted otherwise. */
static void check_octets(const uint8_t *dss, uint64_t dsn)
{
	unsigned int at = dss ? 4 + (dss[3] & HAS_ACK ? dss[3] & ACK_OF_8 ? 8 : 4 : 0) + (dss[3] & DSN_OF_8 ? 8 : 4) : 0;
	uint32_t ssn = dss ? (uint32_t)get(dss + at, 4) : 0, length = dss ? (uint32_t)get(dss + at + 4, 2) : 0;
	uint64_t place = dsn - first_dsn(c.peer_key) - 1 + (got.seq - f.victim_isn - ssn);

	for (unsigned int i = 0; i < got.length; i++) {
		if (got.octets[i] < 'A' || got.octets[i] > 'Z')
			no("octet %u of the victim's segment, 0x%02x, was never written", i, got.octets[i]);
		if (length && !f.fast_open && got.octets[i] != program_octet(place + i))
			no("octet %u of the victim's segment is not the one mapped there", i);
	}
	if (length && got.length && !f.fast_open &&
	    (got.seq - f.victim_isn < ssn || got.seq - f.victim_isn - ssn + got.length > length))
		no("the victim's mapping, %u octets at %u, does not cover its segment", length, ssn);
}

static void digest(void)
{
	const uint8_t *capable = option(CAPABLE), *dss = option(DSS);
	uint64_t dsn = 0;

	check_options();
	if (got.flags & RST)
		f.reset = true;
	if (got.flags & FIN)
		f.fin = true;
	if (capable && capable[1] >= 12)
		learn_key(get(capable + 4, 8));
	if (dss && dss[3] & HAS_ACK)
		f.data_acked = expanded(dss + 4, dss[3] & ACK_OF_8, c.dsn);
	if (dss && dss[3] & HAS_MAP) {
		const uint8_t *at = dss + 4 + (dss[3] & HAS_ACK ? dss[3] & ACK_OF_8 ? 8 : 4 : 0);
		unsigned int length = (unsigned int)get(at + (dss[3] & DSN_OF_8 ? 12 : 8), 2);

		dsn = expanded(at, dss[3] & DSN_OF_8, c.peer_dsn);
		if (dss[3] & DATA_FIN)
			f.data_fin = true;
		if ((int64_t)(dsn + length - c.peer_dsn) > 0)
			c.peer_dsn = dsn + length;
	}
	check_octets(dss && dss[3] & HAS_MAP ? dss : NULL, dsn);
}

static bool take(int ms)
{
	if (f.reset || !receive(ms))
		return false;
	digest();
	return true;
}

static void drain(void)
{
	while (receive(0))
		digest();
}

/* Whether it comes to that, which takes a moment or does not happen. */
#define comes(condition) ({ \
	bool come_; \
	while (!(come_ = (condition)) && take(patience)) \
		; \
	come_; \
})

/* --- what we send --- */

static uint8_t octets[1400];

static void send_with(uint8_t flags, const struct options *o, unsigned int length)
{
	send_segment(flags, o, octets, length);
}

/* TCP's options and one of MPTCP's. */
static void send_valid(uint8_t flags, unsigned int length, void (*put_it)(struct options *))
{
	struct options o = {};

	put_tcp_options(&o, flags);
	if (put_it)
		put_it(&o);
	send_with(flags, &o, length);
}

static void put_syn(struct options *o) { put_keys(o, 0); }
static void put_syn_ack(struct options *o) { put_keys(o, 1); }
static void put_third_ack(struct options *o) { put_keys(o, 2); }
static void put_100(struct options *o) { put_data(o, octets, 100); }
static void put_fail(struct options *o) { put_of_8(o, FAIL, c.peer_dsn); }
static void put_fast_close(struct options *o) { put_of_8(o, FAST_CLOSE, c.peer_key); }

static void put_infinite(struct options *o)
{
	struct mapping map = { .dsn = c.dsn, .ssn = c.seq - c.first_seq };

	put_dss(o, HAS_ACK | ACK_OF_8 | HAS_MAP | DSN_OF_8, c.peer_dsn, map, speaks.sums, 0);
}

static bool send_octets(void (*mapped)(struct options *))
{
	send_valid(ACK | PSH, 100, mapped);
	c.dsn += 100;
	octets_due += 100;
	return true;
}

/* --- the steps --- */

static void next_connection(uint16_t to)
{
	if (f.ports)
		f.used[(f.ports - 1) % PORTS] = c;
	new_connection((uint16_t)(1024 + (f.number * PORTS + f.ports++ % PORTS) % 64000), to);
	f.reset = f.fin = f.data_fin = false;
	f.data_acked = 0;
}

static bool open_as_server(void)
{
	next_connection(0);
	program_connects(c.v6, c.port, f.fast_open, percent(20));
	return comes(got.flags == SYN) && option(CAPABLE);
}

static bool open_as_client(void)
{
	next_connection(f.listener == 2 ? DUAL_PORT : ANY_PORT);
	send_valid(SYN, 0, put_syn);
	return comes((got.flags & (SYN | ACK)) == (SYN | ACK)) && option(CAPABLE);
}

static bool establish(bool accepting)
{
	if (f.client) {
		send_valid(SYN | ACK, 0, put_syn_ack);
		return comes(got.flags & ACK && option(CAPABLE) && option(CAPABLE)[1] >= 20);
	}
	send_valid(ACK, 0, put_third_ack);
	return !accepting || program_accepts(listeners[f.listener], 1000 * slow);
}

static bool send_beyond_gap(void)
{
	c.seq += 50;
	c.dsn += 50;
	send_valid(ACK | PSH, 100, put_100);
	c.seq -= 150;
	c.dsn -= 50;
	return true;
}

static bool acknowledge(void)
{
	drain();
	send_valid(ACK, 0, put_data_ack);
	return !f.reset;
}

static bool send_data_fin(void)
{
	send_valid(ACK, 0, put_data_fin);
	c.dsn++;
	return comes(f.data_acked == c.dsn);
}

static bool send_fin(void)
{
	send_valid(FIN | ACK, 0, put_data_ack);
	return comes(got.ack == c.seq);
}

static bool step(char letter)
{
	bool plain = strpbrk(f.state->steps, "u");

	switch (letter) {
	case 'o': return f.client ? open_as_server() : open_as_client();
	case 'e': return establish(true);
	case 'E': return establish(false);
	case 's':
		send_valid(SYN, 0, put_syn);
		return comes((got.flags & (SYN | ACK)) == (SYN | ACK));
	case 'd': return send_octets(put_100);
	case 'u': return send_octets(NULL);
	case 'i': return send_octets(put_infinite);
	case 'g': return send_beyond_gap();
	case 'a': return acknowledge();
	case 'f': return send_data_fin();
	case 'n': return send_fin();
	case 'm': send_valid(ACK, 0, put_fail); return true;
	case 'x': send_valid(ACK, 0, put_fast_close); return comes(f.reset);
	case 'z': c.window = 0; send_valid(ACK, 0, put_data_ack); return true;
	case 'S': return program_sends(500) && comes(got.length > 0);
	case 'W': return program_fills();
	case 'R': return program_reads_all(1000 * slow);
	case 'H': program_shuts(); return comes(plain ? f.fin : f.data_fin);
	case 'X': program_closes(false); return comes(plain ? f.fin : f.data_fin);
	case 'A': program_closes(true); return comes(f.reset || option(FAST_CLOSE));
	}
	return false;
}

/* --- the mutants --- */

/* Flags for a segment of this state: mostly those that TCP takes. */
static uint8_t some_flags(void)
{
	const char *steps = f.state->steps;

	if (!*steps)
		return percent(85) ? SYN : one_of(uint8_t, SYN | ACK, SYN | FIN, SYN | RST, SYN | PSH, ACK, FIN, RST, 0);
	if (f.client && !steps[1])
		return percent(70) ? SYN | ACK : one_of(uint8_t, SYN, ACK, RST | ACK, RST, FIN | ACK, SYN | FIN | ACK, 0);
	if (percent(85))
		return one_of(uint8_t, ACK, ACK, ACK, ACK | PSH, ACK | PSH, ACK | PSH, ACK, FIN | ACK);
	return one_of(uint8_t, RST | ACK, RST, SYN, SYN | ACK, FIN | PSH | ACK, URG | ACK, FIN, PSH, 0, 63);
}

/* Sends one, at a place where TCP takes it, or not quite; TCP's numbers stay right. */
static void send_mutant(void)
{
	struct options o = {};
	uint8_t flags = some_flags();
	struct connection before;
	unsigned int length = flags & PSH || percent(5) ? 1 + below(percent(20) ? 1300 : 60) : 0;
	bool aside = false;

	if (!*f.state->steps)
		next_connection(f.listener == 2 ? DUAL_PORT : ANY_PORT);
	before = c;
	mutate(&o, flags, octets, length);
	if (percent(10)) {
		aside = true;
		c.seq += one_of(uint32_t, (uint32_t)-1, -length, 1, length, 1000, 60000, 1u << 31, (uint32_t)draw());
	}
	if (percent(10))
		c.ack += one_of(uint32_t, (uint32_t)-1, -100u, 1, 1000, 1u << 31, (uint32_t)draw());
	if (percent(10))
		c.window = one_of(uint16_t, 0, 1, 100, 65535, (uint16_t)draw());
	send_with(flags, &o, length);
	c.ack = before.ack;
	if (aside || flags & SYN)
		c.seq = before.seq;
	if (!aside && percent(60))
		c.dsn += length;
	c.window = before.window;
	tally[f.state - states][c.v6].segments++;
	drain();
	/* What TCP has not taken, perhaps because its options did not add up, is sent again, with others. */
	if (*f.state->steps && got.flags & ACK && !(got.flags & RST) && (int32_t)(c.seq - got.ack) > 0 && percent(80))
		c.seq = got.ack;
	/* It was answered: on with the handshake now and then. */
	if (!*f.state->steps && (got.flags & (SYN | ACK)) == (SYN | ACK) && percent(50)) {
		c.seq = before.seq + 1;
		send_valid(ACK, percent(50) ? 100 : 0, percent(80) ? put_third_ack : NULL);
		drain();
	}
}

static void assault(void)
{
	unsigned int mutants = 4 + below(MUTANTS);

	/* From here on much is not answered at all. */
	patience = 0;
	if (f.concurrent)
		program_runs(draw());
	for (unsigned int i = 0; i < mutants; i++) {
		start_chance(seed, f.number, 100 + i);
		if (!f.concurrent && percent(50))
			program_acts();
		if (percent(15) && strchr(f.state->steps, 'e'))
			step("dfan"[below(4)]);
		send_mutant();
		program_is_right();
	}
	program_stops();
}

/* --- the end of a connection --- */

static int count_references(void)
{
	char text[20] = "";
	int fd = open("/sys/module/rust_mptcp/refcnt", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		no("no module");
	close(fd);
	return atoi(text);
}

/* What nobody has accepted. */
static void empty(int listener)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
}

/* Resets whatever answers to a segment that TCP does not take: only a reset with the right number is believed. */
static void reset_all(int ms)
{
	for (unsigned int i = 0; i < PORTS; i++) {
		if (!f.used[i].ack)
			continue;
		c = f.used[i];
		c.seq = (c.taken ? c.taken : c.first_seq) - 1;
		send_segment(ACK, NULL, NULL, 0);
	}
	for (c.port = c.peer_port = 0; receive(ms); c.port = c.peer_port = 0) {
		if (got.flags & RST)
			continue;
		c.seq = got.ack;
		send_segment(RST | ACK, NULL, NULL, 0);
	}
}

/* Until all that the connection had is gone. */
static void bury(void)
{
	int expected;

	program_stops();
	program_closes(false);
	if (c.port)
		f.used[(f.ports - 1) % PORTS] = c;
	/* What led here is to be seen, not this. */
	witness = NULL;
	for (int tries = 0; tries < 1000 * slow; tries++) {
		reset_all(tries < 10 ? 0 : 10);
		/* With SYN cookies even that may have opened something. */
		for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++)
			empty(listeners[i]);
		if (count_references() <= references) {
			program_is_right();
			return;
		}
	}
	/* From here on they are nobody's. */
	expected = references;
	references = count_references();
	no("sockets left 10 s after close and reset: %d references, not %d", references, expected);
}

/* The next line of the kernel's own; NULL if there is none yet. */
static const char *kernel_says(void)
{
	static char line[2000];
	ssize_t length;

	while ((length = read(kmsg, line, sizeof(line) - 1)) > 0 || (length < 0 && errno == EPIPE)) {
		line[length < 0 ? 0 : length] = 0;
		line[strcspn(line, "\n")] = 0;
		if (strchr(line, ';') && !strstr(line, ";rawfuzz: "))
			return strchr(line, ';') + 1;
	}
	return NULL;
}

static void check_log(void)
{
	char complaint[250] = "";
	const char *line;

	while ((line = kernel_says()) && strlen(complaint) < sizeof(complaint) - 1)
		if (*complaint || regexec(&complaints, line, 0, NULL, 0) == 0)
			snprintf(complaint + strlen(complaint), sizeof(complaint) - strlen(complaint), " | %s", line);
	if (*complaint) {
		while (kernel_says())
			;
		no("the kernel complains%s", complaint);
	}
}

/* --- one connection --- */

static void set_knob(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		no("%s: %s", path, strerror(errno));
	close(fd);
}

/* The number says where it goes, so that a run is spread evenly; chance says how. */
static void choose(unsigned int number)
{
	memset(&f, 0, sizeof(f));
	memset(&speaks, 0, sizeof(speaks));
	memset(&c, 0, sizeof(c));
	patience = 1000 * slow;
	f.number = number;
	f.state = &states[number % STATES];
	c.v6 = number / STATES & 1;
	start_chance(seed, number, 0);
	witness = keep_segment;
	f.client = f.state->victim == CLIENT || (f.state->victim == EITHER && number / STATES & 2);
	speaks.sums = percent(30);
	speaks.rich = percent(40);
	f.cookies = percent(15);
	f.fast_open = percent(10);
	f.concurrent = percent(30);
	f.listener = percent(25) ? 2 : c.v6;
	set_knob("/proc/sys/net/ipv4/tcp_syncookies", f.cookies ? "2" : "1");
	forget_record();
	program_starts();
	keep("%u:%u %s, %s, victim a %s%s%s%s%s%s", (unsigned int)seed, number, f.state->name, c.v6 ? "IPv6" : "IPv4",
	     f.client ? "client" : "server", f.listener == 2 && !f.client ? ", dual socket" : "",
	     speaks.sums ? ", checksums" : "", speaks.rich ? ", timestamps" : "",
	     f.cookies && !f.client ? ", SYN cookies" : "", f.concurrent ? ", program in a thread" : "");
}

static bool walk(void)
{
	for (const char *at = f.state->steps; *at; at++)
		if (!step(*at)) {
			keep("(it did not come to that)");
			printf("# connection %u:%u, %s: no answer to step %c of %s\n", (unsigned int)seed, f.number,
			       f.state->name, *at, f.state->steps);
			return false;
		}
	return true;
}

static void play(unsigned int number)
{
	unsigned int index = number % STATES;

	choose(number);
	tally[index][c.v6].connections++;
	if (walk())
		tally[index][c.v6].reached++;
	assault();
	bury();
	check_log();
}

/* A peer without mutants is served. */
static void play_honest(unsigned int number)
{
	static const struct state honest = { "honest", "oedRSadRSa", EITHER };

	choose(number);
	/* A port that no other of this number has. */
	f.ports = PORTS - 1;
	f.state = &honest;
	f.cookies = f.fast_open = false;
	read_in_order = true;
	set_knob("/proc/sys/net/ipv4/tcp_syncookies", "1");
	f.client = number & 1;
	for (const char *at = honest.steps; *at; at++)
		if (!step(*at))
			no("an honest connection is not served (step %zd)", at - honest.steps);
	if (c.peer_dsn - first_dsn(c.peer_key) - 1 != program_sent)
		no("an honest connection: not all is mapped that the program wrote");
	bury();
	check_log();
}

static void report(void)
{
	print_record();
	printf("no connection %u:%u, %s: %s\n", (unsigned int)seed, f.number, f.state->name, why);
	fflush(stdout);
}

/* True if it went well. */
static bool run(void (*played)(unsigned int), unsigned int number)
{
	if (setjmp(failed)) {
		program_stops();
		report();
		program_closes(false);
		return false;
	}
	played(number);
	return true;
}

/* Every state was reached, or this is no test of it. */
static void sum_up(void)
{
	for (size_t i = 0; i < STATES; i++) {
		for (int v6 = 0; v6 < 2; v6++) {
			if (!tally[i][v6].connections)
				continue;
			printf("%s %s, %s: %u mutants on %u connections, %u of which got there\n",
			       tally[i][v6].reached ? "ok" : "no", states[i].name, v6 ? "IPv6" : "IPv4",
			       tally[i][v6].segments, tally[i][v6].connections, tally[i][v6].reached);
		}
	}
}

static int listen_on(int family, uint16_t port, bool only)
{
	struct sockaddr_in6 any = { .sin6_family = (sa_family_t)family, .sin6_port = htons(port) };
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, MPTCP), on = only, again = 1, queue = 16;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &again, sizeof(again));
	if (fd >= 0 && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(any)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)) < 0 || listen(fd, 64) < 0) {
		perror("rawfuzz: listen");
		exit(2);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static unsigned int failures, first, connections;
	static uint64_t last;
	int victim;

	if (argc != 8 || !getenv("COMPLAINTS") ||
	    regcomp(&complaints, getenv("COMPLAINTS"), REG_EXTENDED | REG_NOSUB)) {
		fprintf(stderr, "usage: COMPLAINTS=REGEX rawfuzz SEED[:CONNECTION] SEEDS CONNECTIONS "
			"VICTIM-NAMESPACE RAW-NAMESPACE INTERFACE VICTIM-MAC\n");
		return 2;
	}
	if (getenv("SLOW"))
		slow = atoi(getenv("SLOW"));
	seed = strtoull(argv[1], NULL, 0);
	last = seed + strtoull(argv[2], NULL, 0);
	connections = (unsigned int)atoi(argv[3]);
	if (strchr(argv[1], ':')) {
		first = (unsigned int)atoi(strchr(argv[1], ':') + 1);
		last = seed + 1;
		connections = 1;
	}
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = our_octet(i);
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_kernel_log();
	victim = namespace_of(argv[4]);
	setns(namespace_of(argv[5]), CLONE_NEWNET);
	open_link(argv[6], argv[7]);
	setns(victim, CLONE_NEWNET);
	listeners[0] = listen_on(AF_INET, ANY_PORT, true);
	listeners[1] = listen_on(AF_INET6, ANY_PORT, true);
	listeners[2] = listen_on(AF_INET6, DUAL_PORT, false);
	if (setjmp(failed)) {
		printf("no %s\n", why);
		return 2;
	}
	references = count_references();
	for (; seed < last; seed++)
		for (unsigned int i = first; i < first + connections && failures < 5; i++) {
			failures += !run(play, i);
			if (i % 16 == 15)
				failures += !run(play_honest, i);
		}
	if (connections >= 2 * STATES)
		sum_up();
	return failures > 0;
}
