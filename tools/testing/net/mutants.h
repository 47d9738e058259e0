// SPDX-License-Identifier: GPL-2.0
/*
 * MPTCP options as they should be, and what chance makes of them. For the connection `c` of
 * rawtcp.h, whose valid options these start from.
 */

/* --- chance: the same for the same seed, in each thread for itself --- */

static _Thread_local uint64_t chance_state;

static uint64_t draw(void)
{
	uint64_t x = chance_state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static unsigned int below(unsigned int n) { return n ? (unsigned int)(draw() % n) : 0; }
static bool percent(unsigned int n) { return below(100) < n; }

#define one_of(type, ...) ({ \
	const type these_[] = { __VA_ARGS__ }; \
	these_[below(sizeof(these_) / sizeof(these_[0]))]; \
})

/* What follows does not depend on how often chance was asked before. */
static void start_chance(uint64_t seed, uint64_t connection, uint64_t step)
{
	chance_state = seed;
	chance_state = draw() ^ connection;
	chance_state = draw() ^ step;
	draw();
}

/* --- how this connection speaks --- */

static struct {
	/* Checksums are in use; SYNs carry all of TCP's options, other segments timestamps. */
	bool sums, rich;
	uint32_t clock, echo;
} speaks;

/* TCP's own options, before those of MPTCP. */
static void put_tcp_options(struct options *o, uint8_t flags)
{
	if (!speaks.rich)
		return;
	if (flags & SYN) {
		/* MSS 1460, SACK, window scale 4. */
		put(o, 0x020405b404020303, 8);
		put(o, 4, 1);
	}
	while (o->length % 4 != 2)
		put(o, 1, 1);
	put(o, 0x080a, 2);
	put(o, ++speaks.clock, 4);
	put(o, flags & ACK ? speaks.echo : 0, 4);
}

/* --- valid options --- */

enum { CAPABLE, JOIN, DSS, ADD_ADDRESS, REMOVE_ADDRESS, PRIORITY, FAIL, FAST_CLOSE, RESET };
/* Flags of a DSS. */
enum { HAS_ACK = 1, ACK_OF_8 = 2, HAS_MAP = 4, DSN_OF_8 = 8, DATA_FIN = 16 };

struct mapping {
	uint64_t dsn;
	uint32_t ssn;
	unsigned int length;
};

static void put_dss(struct options *o, unsigned int flags, uint64_t data_ack, struct mapping map, bool summed,
		    uint16_t checksum)
{
	unsigned int at = o->length;

	begin(o, 0, DSS, flags);
	if (flags & HAS_ACK)
		put(o, data_ack, flags & ACK_OF_8 ? 8 : 4);
	if (flags & HAS_MAP) {
		put(o, map.dsn, flags & DSN_OF_8 ? 8 : 4);
		put(o, map.ssn, 4);
		put(o, map.length, 2);
		if (summed)
			put(o, checksum, 2);
	}
	if (at + 1 < sizeof(o->at))
		o->at[at + 1] = (uint8_t)(o->length - at);
}

static uint16_t checksum_of(struct mapping map, const uint8_t *octets, unsigned int length)
{
	uint8_t pseudo[16] = {};

	big(pseudo, (uint32_t)(map.dsn >> 32), 4);
	big(pseudo + 4, (uint32_t)map.dsn, 4);
	big(pseudo + 8, map.ssn, 4);
	big(pseudo + 12, map.length, 2);
	return fold(sum(octets, length, sum(pseudo, 16, 0)));
}

static void put_data_ack(struct options *o)
{
	put_dss(o, HAS_ACK | ACK_OF_8, c.peer_dsn, (struct mapping){}, false, 0);
}

/* The mapping of these octets, which come next. */
static void put_data(struct options *o, const uint8_t *octets, unsigned int length)
{
	struct mapping map = { .dsn = c.dsn, .ssn = c.seq - c.first_seq, .length = length };

	put_dss(o, HAS_ACK | HAS_MAP | DSN_OF_8, c.peer_dsn, map, speaks.sums, checksum_of(map, octets, length));
}

static void put_data_fin(struct options *o)
{
	struct mapping map = { .dsn = c.dsn, .length = 1 };

	put_dss(o, HAS_ACK | HAS_MAP | DSN_OF_8 | DATA_FIN, c.peer_dsn, map, speaks.sums, checksum_of(map, NULL, 0));
}

static unsigned int capable_flags(void) { return 0x101 | (speaks.sums ? 0x80 : 0); }

static void put_keys(struct options *o, unsigned int keys)
{
	begin(o, 4 + 8 * keys, CAPABLE, capable_flags());
	if (keys > 0)
		put(o, c.key, 8);
	if (keys > 1)
		put(o, c.peer_key, 8);
}

static void put_of_8(struct options *o, unsigned int subtype, uint64_t value)
{
	begin(o, 12, subtype, 0);
	put(o, value, 8);
}

/* What an honest peer would put on such a segment. */
static void put_valid(struct options *o, uint8_t flags, const uint8_t *octets, unsigned int length)
{
	if (flags & SYN)
		put_keys(o, flags & ACK ? 1 : 0);
	else if (flags & RST)
		begin(o, 4, RESET, below(2) << 8 | below(8));
	else if (length)
		put_data(o, octets, length);
	else
		percent(70) ? put_data_ack(o) : put_data_fin(o);
}

/* --- options of the right shape, with fields that may be right --- */

static uint64_t some_key(void)
{
	return one_of(uint64_t, c.key, c.peer_key, c.peer_key, ~c.peer_key, 0, draw());
}

static uint64_t some_number(uint64_t near)
{
	uint64_t little = below(3000);

	return one_of(uint64_t, near, near, near + 1, near - 1, near + little, near - little, near + (1ull << 31),
		      near - (1ull << 31), near + (1ull << 32), near + (1ull << 63), 0, UINT64_MAX,
		      near & 0xffffffff, draw());
}

static void put_capable(struct options *o)
{
	unsigned int length = one_of(unsigned int, 4, 12, 20, 20, 22, 24), start = o->length;

	begin(o, length, CAPABLE, percent(70) ? capable_flags() : below(0x1000));
	for (unsigned int keys = (length - 4) / 8; keys > 0; keys--)
		put(o, keys > 1 && percent(70) ? c.key : some_key(), 8);
	while (o->length < start + length && o->length < 40)
		put(o, draw(), 1);
}

static void put_join(struct options *o)
{
	unsigned int length = one_of(unsigned int, 12, 16, 24);

	begin(o, length, JOIN, below(2) << 8 | below(4));
	put(o, percent(60) ? token_of(c.peer_key) : draw(), 4);
	for (unsigned int left = (length - 8) / 4; left > 0; left--)
		put(o, draw(), 4);
}

static void put_some_dss(struct options *o, unsigned int length)
{
	struct mapping map = {
		.dsn = some_number(c.dsn), .ssn = (uint32_t)some_number(c.seq - c.first_seq),
		.length = one_of(unsigned int, length, length, length, length + 1, length - 1, 0, 1, 65535, below(65536)),
	};

	if (percent(50))
		map.ssn = c.seq - c.first_seq;
	if (percent(30))
		map.dsn = c.dsn;
	put_dss(o, percent(80) ? below(32) : below(0x1000), some_number(c.peer_dsn), map, below(2), (uint16_t)draw());
}

static void put_add_address(struct options *o)
{
	static const uint8_t lengths[2][4] = { { 16, 18, 28, 30 }, { 8, 10, 20, 22 } };
	unsigned int echo = below(2), length = lengths[echo][below(4)];

	begin(o, length, ADD_ADDRESS, echo << 8 | below(256));
	for (unsigned int left = length - 4; left > 0; left--)
		put(o, draw(), 1);
}

static void put_shape(struct options *o, unsigned int subtype, unsigned int length)
{
	unsigned int n;

	switch (subtype) {
	case CAPABLE: put_capable(o); break;
	case JOIN: put_join(o); break;
	case DSS: put_some_dss(o, length); break;
	case ADD_ADDRESS: put_add_address(o); break;
	case REMOVE_ADDRESS:
		n = below(9);
		begin(o, 4 + n, REMOVE_ADDRESS, below(256));
		for (; n > 0; n--)
			put(o, below(256), 1);
		break;
	case PRIORITY:
		put(o, 0x1e0350 | below(2), 3);
		break;
	case FAIL: put_of_8(o, FAIL, some_number(below(2) ? c.dsn : c.peer_dsn)); break;
	case FAST_CLOSE: put_of_8(o, FAST_CLOSE, percent(25) ? c.peer_key : ~some_key()); break;
	case RESET: begin(o, 4, RESET, below(0x1000)); break;
	default:
		n = below(20);
		begin(o, 4 + n, subtype, below(0x1000));
		for (; n > 0; n--)
			put(o, draw(), 1);
	}
}

/* --- what chance makes of them; `from` is where MPTCP's options begin --- */

static void all_random(struct options *o)
{
	o->length += 4 * below((43 - o->length) / 4);
	for (unsigned int i = 0; i < o->length; i++)
		o->at[i] = (uint8_t)draw();
}

static void flip(struct options *o, unsigned int from)
{
	for (unsigned int n = 1 + below(6); n > 0 && o->length > from; n--)
		o->at[from + below(o->length - from)] ^= (uint8_t)(1 << below(8));
}

static void wrong_length(struct options *o, unsigned int from)
{
	uint8_t *length = o->at + from + 1;

	if (o->length > from + 1)
		*length = (uint8_t)one_of(unsigned int, 0, 1, 2, 3, *length - 1u, *length + 1u, 40, 255, below(256));
}

static void cut(struct options *o, unsigned int from)
{
	unsigned int length = o->length - from;

	if (length < 2)
		return;
	o->length = from + 1 + below(length - 1);
	/* The length octet may know of it. */
	if (o->length > from + 1 && below(2))
		o->at[from + 1] = (uint8_t)(o->length - from);
}

static void twice(struct options *o, unsigned int from)
{
	struct options once = *o;

	for (unsigned int i = from; i < once.length; i++)
		put(o, once.at[i], 1);
	if (below(2))
		flip(o, once.length);
}

/* NOPs, an early end, kinds that nobody knows, and TCP's own in odd places. */
static void stuff(struct options *o)
{
	while (o->length < 40 && percent(90)) {
		unsigned int kind = one_of(unsigned int, 0, 1, 1, 1, 2, 3, 4, 5, 8, 19, 28, 29, 34, 253, 254, below(256));

		put(o, kind, 1);
		if (kind > 1) {
			unsigned int length = percent(80) ? 2 + below(10) : below(256);

			put(o, length, 1);
			for (; length > 2 && o->length < 40; length--)
				put(o, draw(), 1);
		}
	}
}

/* The options of a segment with these flags and octets. */
static void mutate(struct options *o, uint8_t flags, const uint8_t *octets, unsigned int length)
{
	unsigned int from;

	put_tcp_options(o, flags);
	from = o->length;
	if (percent(60))
		put_valid(o, flags, octets, length);
	else
		put_shape(o, below(16) < 14 ? below(9) : below(16), length);
	switch (below(12)) {
	case 0: all_random(o); break;
	case 1: case 2: flip(o, from); break;
	case 3: wrong_length(o, from); break;
	case 4: cut(o, from); break;
	case 5: twice(o, from); break;
	case 6: case 7: put_shape(o, below(9), length); break;
	case 8: stuff(o); break;
	case 9:
		o->length = from;
		stuff(o);
		put_valid(o, flags, octets, length);
		break;
	case 10:
		while (o->length < 38 && percent(80))
			put_shape(o, below(16), length);
		break;
	default: break;
	}
}
