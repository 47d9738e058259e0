// SPDX-License-Identifier: GPL-2.0
/*
 * pathman: says to a path manager what it reads from standard input, a command a line, and
 * prints what comes back, but for the words of explanations.
 *
 *   pathman [FAMILY]      the family of generic netlink; mptcp_pm if none is named
 *
 *   add { id 3 a4 10.0.0.1 flags 2 }        dump
 *   announce token 77 { fam 2 a4 10.0.0.1 id 3 flags 1 }
 *   create token 77 { a4 10.0.0.1 } [ a4 10.0.0.2 port 80 ]
 *
 * {} is the address, [] the remote one. a4 and a6 imply the family; `only4 ADDRESS`,
 * `only6 ADDRESS` and `fam NUMBER` do not. `cut N TYPE`: an attribute of that type with N octets.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static const char *const COMMANDS[] = {
	"", "add", "del", "get", "flush", "set-limits", "limits", "flags", "announce", "remove",
	"create", "destroy", "unknown",
};

/* Attributes that are numbers: where they stand, and how long they are. */
static const struct {
	const char *name;
	int inside, type, octets;
} NUMBERS[] = {
	{ "fam", 1, 1, 2 },   { "id", 1, 2, 1 },	{ "port", 1, 5, 2 },   { "flags", 1, 6, 4 },
	{ "dev", 1, 7, 4 },   { "accept", 0, 2, 4 }, { "subflows", 0, 3, 4 }, { "token", 0, 4, 4 },
	{ "loc", 0, 5, 1 },
};

static union {
	struct nlmsghdr header;
	char bytes[4096];
} request;
static int fd;

static struct nlattr *put(int type, const void *value, size_t octets)
{
	struct nlattr *attr = (void *)(request.bytes + request.header.nlmsg_len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + octets;
	if (octets)
		memcpy((char *)attr + NLA_HDRLEN, value, octets);
	request.header.nlmsg_len += NLA_ALIGN(attr->nla_len);
	return attr;
}

static void put_number(int type, unsigned long value, int octets)
{
	uint8_t one = value;
	uint16_t two = value;
	uint32_t four = value;

	put(type, octets == 1 ? (void *)&one : octets == 2 ? (void *)&two : (void *)&four, octets);
}

static void put_address(int type, int family, const char *text)
{
	uint8_t octets[16];

	if (inet_pton(family, text, octets) != 1)
		errx(1, "'%s' is no address of family %d", text, family);
	put(type, octets, family == AF_INET ? 4 : 16);
}

static char *next(void)
{
	char *word = strtok(NULL, " \t\n");

	if (!word)
		errx(1, "the line ends too early");
	return word;
}

static void put_words(void)
{
	static const uint8_t zeroes[64];
	struct nlattr *nest = NULL;
	char *word;

	while ((word = strtok(NULL, " \t\n"))) {
		size_t i;

		if (*word == '{' || *word == '[') {
			nest = put(*word == '{' ? 1 : 6, NULL, 0);
		} else if (*word == '}' || *word == ']') {
			nest->nla_len = request.bytes + request.header.nlmsg_len - (char *)nest;
			nest = NULL;
		} else if (!strcmp(word, "a4") || !strcmp(word, "only4")) {
			if (word[0] == 'a')
				put_number(1, AF_INET, 2);
			put_address(3, AF_INET, next());
		} else if (!strcmp(word, "a6") || !strcmp(word, "only6")) {
			if (word[0] == 'a')
				put_number(1, AF_INET6, 2);
			put_address(4, AF_INET6, next());
		} else if (!strcmp(word, "cut")) {
			unsigned long octets = strtoul(next(), NULL, 0);

			put(strtol(next(), NULL, 0), zeroes, octets);
		} else {
			for (i = 0; i < sizeof(NUMBERS) / sizeof(*NUMBERS); i++)
				if (!strcmp(word, NUMBERS[i].name) && NUMBERS[i].inside == !!nest)
					break;
			if (i == sizeof(NUMBERS) / sizeof(*NUMBERS))
				errx(1, "what is '%s' here?", word);
			put_number(NUMBERS[i].type, strtoul(next(), NULL, 0), NUMBERS[i].octets);
		}
	}
}

/* Attributes as (type:octets) or (type(...)), in their order. */
static void print_attrs(const char *at, int len)
{
	while (len >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;
		int i, payload = attr->nla_len - NLA_HDRLEN;

		printf("(%d", attr->nla_type & NLA_TYPE_MASK);
		if (attr->nla_type & NLA_F_NESTED) {
			print_attrs(at + NLA_HDRLEN, payload);
		} else {
			printf(":");
			for (i = 0; i < payload; i++)
				printf("%02x", (uint8_t)at[NLA_HDRLEN + i]);
		}
		printf(")");
		at += NLA_ALIGN(attr->nla_len);
		len -= NLA_ALIGN(attr->nla_len);
	}
}

/* An error, what it is about, and whether there are words. */
static void print_error(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = NLMSG_DATA(header);
	const char *at = (const char *)(error + 1);
	int len = header->nlmsg_len - NLMSG_LENGTH(sizeof(*error));

	printf(" %s", error->error ? strerrorname_np(-error->error) : "ok");
	for (; len >= NLA_HDRLEN && header->nlmsg_flags & NLM_F_ACK_TLVS;) {
		const struct nlattr *attr = (const void *)at;
		uint32_t value = 0;

		if (attr->nla_len == NLA_HDRLEN + 4)
			memcpy(&value, at + NLA_HDRLEN, 4);
		if (attr->nla_type == NLMSGERR_ATTR_MSG)
			printf(" explained");
		if (attr->nla_type == NLMSGERR_ATTR_OFFS)
			printf(" at=%u", value);
		if (attr->nla_type == NLMSGERR_ATTR_MISS_TYPE)
			printf(" missing=%u", value);
		at += NLA_ALIGN(attr->nla_len);
		len -= NLA_ALIGN(attr->nla_len);
	}
}

/* Prints answers until the one that ends them. */
static void print_answers(void)
{
	static union {
		struct nlmsghdr header;
		char bytes[32768];
	} answer;

	for (;;) {
		struct nlmsghdr *header = &answer.header;
		int len = recv(fd, answer.bytes, sizeof(answer.bytes), 0);

		if (len < 0)
			err(1, "recv");
		for (; NLMSG_OK(header, (unsigned int)len); header = NLMSG_NEXT(header, len)) {
			const struct genlmsghdr *genl = NLMSG_DATA(header);

			if (header->nlmsg_type == NLMSG_DONE) {
				int code = *(int *)NLMSG_DATA(header);

				printf(" done%s\n", code < 0 ? strerrorname_np(-code) : "");
				return;
			}
			if (header->nlmsg_type == NLMSG_ERROR) {
				print_error(header);
				printf("\n");
				return;
			}
			printf(" cmd=%u version=%u multi=%d ", genl->cmd, genl->version,
			       !!(header->nlmsg_flags & NLM_F_MULTI));
			print_attrs((const char *)(genl + 1), header->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN));
		}
	}
}

static void begin(int type, int command, int flags)
{
	struct genlmsghdr *genl = NLMSG_DATA(&request.header);

	memset(&request, 0, sizeof(request));
	request.header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	request.header.nlmsg_type = type;
	request.header.nlmsg_flags = NLM_F_REQUEST | flags;
	genl->cmd = command;
	genl->version = 1;
}

static void send_request(void)
{
	if (send(fd, &request, request.header.nlmsg_len, 0) < 0)
		err(1, "send");
}

static int family_id(const char *name)
{
	char answer[8192];
	int len, id = -1;
	const char *at = answer + NLMSG_LENGTH(GENL_HDRLEN);

	begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	put(CTRL_ATTR_FAMILY_NAME, name, strlen(name) + 1);
	send_request();
	len = recv(fd, answer, sizeof(answer), 0) - NLMSG_LENGTH(GENL_HDRLEN);
	if (((struct nlmsghdr *)answer)->nlmsg_type == NLMSG_ERROR)
		errx(1, "there is no family %s", name);
	while (len >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
			id = *(const uint16_t *)(at + NLA_HDRLEN);
		at += NLA_ALIGN(attr->nla_len);
		len -= NLA_ALIGN(attr->nla_len);
	}
	return id;
}

int main(int argc, char **argv)
{
	char line[512];
	int one = 1, family;

	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (fd < 0)
		err(1, "netlink socket");
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	family = family_id(argc > 1 ? argv[1] : "mptcp_pm");
	while (fgets(line, sizeof(line), stdin)) {
		int command, dump, last = sizeof(COMMANDS) / sizeof(*COMMANDS) - 1;
		char *word;

		line[strcspn(line, "\n")] = 0;
		printf("%s:", line);
		word = strtok(line, " \t\n");
		if (!word) {
			printf("\n");
			continue;
		}
		dump = !strcmp(word, "dump");
		for (command = dump ? 3 : 1; !dump && strcmp(word, COMMANDS[command]); command++)
			if (command == last)
				errx(1, "no command '%s'", word);
		begin(family, command, dump ? NLM_F_DUMP : NLM_F_ACK);
		put_words();
		send_request();
		print_answers();
		fflush(stdout);
	}
	return 0;
}
