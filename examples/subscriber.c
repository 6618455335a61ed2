/* A subscriber in C: libzmq and msgpack-c, nothing of dcgw-cluster.
 *
 *     apt install libzmq3-dev libmsgpack-dev
 *     cc -O2 -o subscriber subscriber.c -lzmq -lmsgpackc        (newer releases: -lmsgpack-c)
 *     ./subscriber ipc:///run/user/1000/dcgw/mybot-1a2b3c4d/events MESSAGE_CREATE
 *
 * Of a cluster with several hubs all endpoints are given, one after the other.
 *
 * Prints a JSON line for each event, each break and each new session, as raw_subscriber.py does. The
 * order is whole per shard and name; a break says what to ask the replay server for, a new session
 * that between it and the one before events may have happened that nobody saw
 * (docs/wire-protocol.md).
 */
#include <inttypes.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { FORMAT = 1, NAME_BYTES = 104, EPOCH_END_FIELDS = 11, BATCH_FIELDS = 12 };
#define UNKNOWN INT64_MIN

/* The last seq of a name in one epoch of a shard. They are looked through one by one, which does
 * for some shards and names; for hundreds of shards make it a hash table. */
struct place {
	int64_t shard, count, epoch, last;
	char name[NAME_BYTES];
};
static struct place *places;
static size_t place_count;

/* The epochs of a shard, of so many: the first that we met, and the newest. */
struct shard {
	int64_t shard, count, first, newest;
};
static struct shard *shards;
static size_t shard_count;

static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

/* Make room for one more; the end of memory is the end. */
static void *one_more(void *old, size_t count, size_t size)
{
	void *grown = realloc(old, (count + 1) * size);
	if (!grown)
		fail("out of memory");
	return grown;
}

static int64_t number(const msgpack_object *object)
{
	if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX)
		return (int64_t)object->via.u64;
	if (object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
		return object->via.i64;
	fail("no number where one should be");
	return 0;
}

static const msgpack_object_array *array(const msgpack_object *object, uint32_t least)
{
	if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size < least)
		fail("no array where one should be");
	return &object->via.array;
}

static struct shard *shard_of(int64_t shard, int64_t count, int64_t epoch)
{
	for (size_t i = 0; i < shard_count; i++)
		if (shards[i].shard == shard && shards[i].count == count)
			return &shards[i];
	shards = one_more(shards, shard_count, sizeof *shards);
	shards[shard_count] = (struct shard){shard, count, epoch, epoch};
	return &shards[shard_count++];
}

/* The place of a name; where there is none one is made, with this as its last seq. */
static struct place *place_of(int64_t shard, int64_t count, int64_t epoch, const char *name, int64_t last)
{
	for (size_t i = place_count; i-- > 0;)
		if (places[i].shard == shard && places[i].count == count && places[i].epoch == epoch &&
		    !strcmp(places[i].name, name))
			return &places[i];
	places = one_more(places, place_count, sizeof *places);
	places[place_count] = (struct place){shard, count, epoch, last, ""};
	snprintf(places[place_count].name, NAME_BYTES, "%s", name);
	return &places[place_count++];
}

/* Say that this name has events up to base that we have not seen, if so. */
static void reach(struct place *place, int64_t base)
{
	if (place->last != UNKNOWN && base > place->last)
		printf("[\"break\", \"%s\", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "]\n", place->name,
		       place->shard, place->epoch, place->last, base);
	if (base > place->last)
		place->last = base;
}

static void on_batch(struct place *place, const msgpack_object *fields)
{
	const msgpack_object *prev = &fields[8];
	reach(place, number(prev->type == MSGPACK_OBJECT_ARRAY ? array(prev, 1)->ptr : prev));
	const msgpack_object_array *events = array(&fields[11], 0);
	for (uint32_t i = 0; i < events->size; i++) {
		const msgpack_object *event = array(&events->ptr[i], 2)->ptr;
		int64_t seq = number(&event[0]);
		if (event[1].type != MSGPACK_OBJECT_BIN)
			fail("no data where some should be");
		if (seq <= place->last)
			continue; /* a duplicate */
		printf("[\"event\", \"%s\", %" PRId64 ", %" PRId64 ", %" PRId64 ", %.*s]\n", place->name, place->shard,
		       place->epoch, seq, (int)event[1].via.bin.size, event[1].via.bin.ptr);
		place->last = seq;
	}
}

/* An epoch has ended: of each name that we had something of, the last that there was. */
static void on_epoch_end(int64_t shard, int64_t count, int64_t epoch, const msgpack_object *table)
{
	const msgpack_object_array *rows = array(table, 0);
	for (uint32_t i = 0; i < rows->size; i++) {
		const msgpack_object *row = array(&rows->ptr[i], 2)->ptr;
		const msgpack_object_str *name = &row[0].via.str;
		for (size_t j = 0; row[0].type == MSGPACK_OBJECT_STR && j < place_count; j++)
			if (places[j].shard == shard && places[j].count == count && places[j].epoch == epoch &&
			    strlen(places[j].name) == name->size && !memcmp(places[j].name, name->ptr, name->size))
				reach(&places[j], number(&row[1]));
	}
}

static void on_session(const struct shard *shard, const msgpack_object *before)
{
	printf("[\"session\", \"_\", %" PRId64 ", %" PRId64 ", ", shard->shard, shard->newest);
	if (before->type == MSGPACK_OBJECT_NIL)
		printf("null");
	else
		msgpack_object_print(stdout, *before);
	puts("]");
}

static void on_message(const char *message, size_t size)
{
	const char *nul = memchr(message, 0, size);
	char name[NAME_BYTES];
	if (!nul || sscanf(message, "%103[^.]", name) != 1)
		fail("a message without a topic");
	bool ended = !strcmp(name, "_epoch_end");
	if (name[0] == '_' && !ended)
		return;
	msgpack_unpacked unpacked;
	msgpack_unpacked_init(&unpacked);
	if (msgpack_unpack_next(&unpacked, nul + 1, size - (size_t)(nul + 1 - message), NULL) != MSGPACK_UNPACK_SUCCESS)
		fail("a message that is no msgpack");
	const msgpack_object *fields = array(&unpacked.data, ended ? EPOCH_END_FIELDS : BATCH_FIELDS)->ptr;
	if (number(&fields[0]) != FORMAT)
		fail("a format that this reader does not know");
	int64_t id = number(&fields[2]), count = number(&fields[3]), epoch = number(&fields[4]);
	struct shard *shard = shard_of(id, count, epoch);
	if (epoch > shard->newest) {
		shard->newest = epoch;
		on_session(shard, &fields[5]);
	}
	/* What of the first epoch came before we did is not known; of a later one nothing did. */
	if (ended)
		on_epoch_end(id, count, epoch, &fields[8]);
	else
		on_batch(place_of(id, count, epoch, name, epoch > shard->first ? -1 : UNKNOWN), fields);
	msgpack_unpacked_destroy(&unpacked);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int names = 1; /* where they begin: after the endpoints */
	while (names < argc && strstr(argv[names], "://"))
		names++;
	if (names == 1) {
		fprintf(stderr, "usage: %s ENDPOINT ... [EVENT ...]   (`dcgw-cluster status`)\n", argv[0]);
		return 2;
	}
	void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_SUB);
	for (int i = names; i <= argc; i++) {
		char topic[NAME_BYTES] = "";
		if (argc > names)
			snprintf(topic, sizeof topic, "%s.", i < argc ? argv[i] : "_epoch_end");
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, strlen(topic));
	}
	for (int i = 1; i < names; i++)
		if (zmq_connect(socket, argv[i]))
			fail(zmq_strerror(zmq_errno()));
	for (;;) {
		zmq_msg_t message;
		zmq_msg_init(&message);
		if (zmq_msg_recv(&message, socket, 0) < 0)
			fail(zmq_strerror(zmq_errno()));
		on_message(zmq_msg_data(&message), zmq_msg_size(&message));
		zmq_msg_close(&message);
	}
}
