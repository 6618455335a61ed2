"""The configuration: layers, refusals, and that the commented file says what is so."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.config.cluster_config import SANDBOX_CLUSTER, ClusterConfig
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import IdentifyConfig
from cluster.config.loading import SCHEMA, VARIABLES, load, locate
from cluster.config.schema import Given, allowed
from cluster.discord.intents import (
    ALL_INTENTS,
    PRIVILEGED_INTENTS,
    Intents,
)
from cluster.discord.urls import check_url
from cluster.endpoints.paths import cluster_paths
from cluster.errors import ConfigError

COMMENTED = Path(__file__).parents[3] / "configs" / "cluster.toml"
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a cluster.toml."""
    monkeypatch.chdir(tmp_path)


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def refused(text: str, folder: Path, env: Mapping[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(file=write(folder, text), env=env or {})
    return caught.value


class TestCommentedFile:
    def test_holds_every_key_with_its_default(self) -> None:
        text = COMMENTED.read_text()
        # What has no default stands there as a comment: take the comment marks of such lines off.
        whole = re.sub(
            r"^# (\[presence\]|(?:status|afk|since|activities|fault_seed) = .*)$",
            r"\1",
            text,
            flags=re.MULTILINE,
        )
        # The presence table would swallow the keys after it: it is looked at by itself.
        document = tomllib.loads(text)
        known = set(SCHEMA.flatten(document, "file"))
        without_default = {name for name, key in SCHEMA.keys.items() if key.default is None}
        assert known == set(SCHEMA.keys) - without_default
        for name in without_default:
            assert re.search(rf"^\[?{name.rpartition('.')[2]}\b", whole, re.MULTILINE)

    def test_its_values_are_the_defaults(self) -> None:
        assert load(file=COMMENTED, env={}).config == ClusterConfig()

    def test_its_words_on_sandbox_defaults_are_true(self) -> None:
        text = COMMENTED.read_text()
        for key, value in SANDBOX_CLUSTER.items():
            last = key.rpartition(".")[2]
            if key.startswith("sandbox."):
                assert f"{last} {value:g}" in text
            elif last != "name":
                assert re.search(rf"`--sandbox` makes it \"?{value}\b", text), key


def test_defaults_are_the_coordinators() -> None:
    spec, warnings = load(env={"DCGW_TOKEN": "t"}).spec()
    plain = CoordinatorSpec(
        name=spec.name, state_dir=spec.state_dir, runtime_dir=spec.runtime_dir, token="t"
    )
    assert msgspec.structs.replace(spec, intents=plain.intents) == plain
    assert spec.intents == int(ALL_INTENTS & ~PRIVILEGED_INTENTS)
    assert not warnings


class TestLayers:
    def test_flags_over_variables_over_file(self, tmp_path: Path) -> None:
        file = write(tmp_path, 'shards = 4\nworkers = 2\nlog_level = "debug"')
        loaded = load(
            file=file,
            env={"DCGW_SHARDS": "8", "DCGW_WORKERS": "3"},
            flags={"shards": Given("16", "--shards", text=True)},
        )
        assert (loaded.config.shards, loaded.config.workers) == ("16", 3)
        assert loaded.sources == {
            "shards": "--shards",
            "workers": "DCGW_WORKERS",
            "log_level": "mine.toml",
        }

    @pytest.mark.parametrize(
        ("variable", "text", "key", "value"),
        [
            ("DCGW_IDENTIFY_MARGIN_MS", "300", "identify.margin_ms", 300),
            ("DCGW_ADOPT_SECONDS", "5", "adopt_seconds", 5.0),
            ("DCGW_SANDBOX_RATE", "0.5", "sandbox.rate", 0.5),
            ("DCGW_WORKERS", "auto", "workers", "auto"),
            ("DCGW_INTENTS", "guilds,guild_messages", "intents", ["guilds", "guild_messages"]),
            ("DCGW_PRESENCE", '{"status": "idle"}', "presence", {"status": "idle"}),
            ("DCGW_SANDBOX_FAULTS", '[{"kind": "cut"}]', "sandbox.faults", [{"kind": "cut"}]),
        ],
    )
    def test_a_variable_is_read_by_the_type_of_its_key(
        self, variable: str, text: str, key: str, value: Any
    ) -> None:
        assert load(env={variable: text}).values()[key] == value

    def test_a_presence_that_no_identify_could_hold(self) -> None:
        def environment(size: int) -> dict[str, str]:
            activities = [{"name": "x", "type": 0, "state": "x" * size}]
            return {"DCGW_PRESENCE": json.dumps({"status": "idle", "activities": activities})}

        load(env=environment(3000))
        with pytest.raises(
            ConfigError, match=r"presence is 4,0\d\d bytes as JSON, more than 3,072"
        ):
            load(env=environment(4000))

    @pytest.mark.parametrize(
        ("presence", "named"),
        [
            ({"status": "asleep"}, "presence.status is 'asleep': give one of online, idle"),
            ({"since": -1}, "presence.since is -1"),
            ({"activities": {"name": "x"}}, "presence.activities is"),
            ({"activities": [{"name": "x", "type": 9}]}, r"presence.activities\[0\].type is 9"),
        ],
        ids=str,
    )
    def test_a_presence_that_discord_does_not_know(
        self, presence: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(ConfigError, match=named):
            load(env={"DCGW_PRESENCE": json.dumps(presence)})

    def test_every_key_has_one_variable(self) -> None:
        assert len(VARIABLES) == len(SCHEMA.keys)

    def test_the_file_is_found(self, tmp_path: Path) -> None:
        assert load(env={}).file is None
        (tmp_path / "cluster.toml").write_text("shards = 3")
        assert load(env={}).config.shards == 3
        other = write(tmp_path, "shards = 5")
        assert load(env={"DCGW_CONFIG": str(other)}).config.shards == 5
        with pytest.raises(ConfigError, match="does not exist"):
            load(file=tmp_path / "none.toml", env={})

    def test_paths_of_a_file_are_relative_to_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = write(tmp_path, 'state_dir = "state"\nca_file = "ca.pem"')
        (tmp_path / "ca.pem").touch()
        (tmp_path / "below").mkdir()
        monkeypatch.chdir(tmp_path / "below")
        spec, _ = load(file=file, env={"DCGW_TOKEN": "t"}).spec()
        assert spec.state_dir == str(tmp_path / "state" / "default")
        assert spec.ca_file == str(tmp_path / "ca.pem")
        loaded = load(file=file, env={"DCGW_STATE_DIR": "here"})
        assert loaded.paths.state_dir == tmp_path / "below" / "here" / "default"


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("shard = 4", ["unknown key shard = 4 in mine.toml", "did you mean shards?"]),
            ("margin_ms = 4", ["unknown key margin_ms", "did you mean identify.margin_ms?"]),
            ("journal_bytes = 4", ["unknown key journal_bytes", "did you mean journal.bytes?"]),
            ("[identify]\nmargin = 4", ["identify.margin", "identify.margin_ms", "reserve"]),
            ("[identfy]\nmargin_ms = 4", ["unknown table [identfy]", "did you mean [identify]?"]),
            (
                "[logs]\nlevel = 1",
                [
                    "unknown table [logs]",
                    "[journal], [hub], [tcp], [http], [proxy], [cache], [hosts], [ray], [sandbox]",
                ],
            ),
            ("margin = 4", ["did you mean identify.margin_ms?"]),
            ("colour = 4", ["the keys outside of tables are name, state_dir"]),
            ("identify = 3", ["identify in mine.toml is 3", "it is a table"]),
            ("large_threshold = 20", ["large_threshold is 20", "a whole number from 50 to 250"]),
            ("workers = 0", ["workers is 0", 'a whole number from 1 to 1000000 or "auto"']),
            (f"workers = {10**23}", ["workers is 1000", "from 1 to 1000000"]),
            (
                "shards = 20000\nworkers = 2",
                [
                    "20,000 shards on 2 workers are 10,000 each",
                    "one takes 8,000",
                    "give 3 workers or more",
                ],
            ),
            ('shards = "0-8000/9000"\nworkers = 1', ["8,001 shards on 1 worker", "give 2 workers"]),
            ("shards_per_worker = 8001", ["shards_per_worker is 8001", "from 1 to 8000"]),
            (f"[journal]\nbytes = {10**23}", ["journal.bytes is 1000", "from 1048576 to 1099511"]),
            (f"[hub]\npipe_messages = {10**10}", ["hub.pipe_messages", "from 1 to 1000000000"]),
            ("latency_ms = 101", ["latency_ms", "from 0 to 100"]),
            (f"[identify]\nmargin_ms = {10**23}", ["identify.margin_ms", "to 86400000"]),
            (f"[identify]\nreserve = {10**23}", ["identify.reserve", "to 1000000000"]),
            (f"[identify]\nbudget = {10**23}", ["identify.budget", "to 1000000000"]),
            ('workers = "many"', ['workers is "many"', '"auto"']),
            ("workers = 1.5", ["workers is 1.5"]),
            ("api_version = 8", ["api_version is 8", "9, 10"]),
            ('compress = "gzip"', ['compress is "gzip"', '"none", "zlib-stream" or "zstd-stream"']),
            ('compress = ""', ['compress is ""', '"none"']),
            ('account = "users"', ['account is "users"', '"bot" or "user"']),
            (
                'capabilities = ["lazy_notes"]',
                ["capabilities names 'lazy_notes'", "lazy_user_notes"],
            ),
            ("capabilities = -1", ["capabilities is -1", '"default", "all" or "none"']),
            ("subscribe_guilds = [1, true]", ["subscribe_guilds is"]),
            ('subscribe_guilds = "every"', ['subscribe_guilds names "every"', '"all"']),
            ('subscribe_guilds = ["81384788765712384x"]', ["names", "81384788765712384x"]),
            ("subscribe_guilds = [0]", ["subscribe_guilds names 0"]),
            ("subscribe_guilds = [9223372036854775808]", ["subscribe_guilds"]),
            ('log_level = "trace"', ["log_level", '"debug", "error", "info" or "warning"']),
            ("stop_seconds = 0", ["stop_seconds is 0", "a number from 1 to 86400"]),
            ("adopt_seconds = inf", ["adopt_seconds is Infinity", "a number from 0 to 86400"]),
            ('adopt_seconds = "60"', ['adopt_seconds is "60"', "a number", "without quotes"]),
            ('workers = "4"', ['or "auto", without quotes']),
            ("shards = 0", ["shards is '0'", "a part of a larger bot"]),
            ("shards = 1.5", ["shards is 1.5", "a part of a larger bot"]),
            ("shards = true", ["shards is true"]),
            ("intents = true", ["intents is true", "a bit mask"]),
            ('shards = "4-2/8"', ["4-2/8"]),
            ('name = "x\\n"', ["name is", "1 to 32 letters"]),
            ('name = "../x"', ["name is", "1 to 32 letters"]),
            ('intents = ["guild"]', ["intents names 'guild'", "did you mean 'guilds'?"]),
            ('api_url = "http://example.org/api"', ["unencrypted", "only for this machine"]),
            ('gateway_url = "ws://10.0.0.1"', ["gateway_url", "unencrypted"]),
            ('gateway_url = "https://example.org"', ["gateway_url", "wss://host"]),
            ('api_url = "https://u:p@example.org"', ["user name or password"]),
            ('api_url = "https://[::1"', ["api_url is no URL"]),
            ("[sandbox]\nguild = 1", ["sandbox.guild", "did you mean sandbox.guilds?"]),
            ("shards = = 1", ["is not valid TOML", "line 1"]),
        ],
    )
    def test_names_the_key_what_was_given_and_what_is_allowed(
        self, text: str, parts: list[str], tmp_path: Path
    ) -> None:
        line = str(refused(text, tmp_path))
        assert "\n" not in line
        for part in parts:
            assert part in line

    @pytest.mark.parametrize(
        "text",
        [
            f'token = "{TOKEN}"',
            f'tokn = "{TOKEN}"',
            f'log_level = "{TOKEN}"',
            f'[sandbox]\ntokens = "{TOKEN}"',
            f'[account]\ntoken = "{TOKEN}"',
        ],
    )
    def test_a_token_at_the_wrong_place_is_not_repeated(self, text: str, tmp_path: Path) -> None:
        assert TOKEN not in str(refused(text, tmp_path))

    def test_a_token_in_the_file_is_told_where_to_go(self, tmp_path: Path) -> None:
        assert "DCGW_TOKEN" in str(refused(f'token = "{TOKEN}"', tmp_path))

    def test_a_table_in_a_variable_is_json(self) -> None:
        with pytest.raises(ConfigError, match=r"presence is .*give a table as JSON"):
            load(env={"DCGW_PRESENCE": "idle"})

    def test_a_likely_key_is_not_buried_under_all_others(self, tmp_path: Path) -> None:
        assert str(refused("shard = 4", tmp_path)).endswith("did you mean shards?")

    def test_an_unknown_variable(self) -> None:
        with pytest.raises(ConfigError, match=r"DCGW_SHARD .*did you mean DCGW_SHARDS\?"):
            load(env={"DCGW_SHARD": "4"})
        load(env={"DCGW_TOKEN": "t", "DCGW_CONFIG": "", "PATH": "/bin"})

    def test_a_file_without_bound(self, tmp_path: Path) -> None:
        assert "larger than" in str(refused("#" * (1 << 20) + "\n", tmp_path))

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
    def test_plain_http_on_this_machine(self, host: str, tmp_path: Path) -> None:
        text = f'api_url = "http://{host}:80/api"\ngateway_url = "ws://{host}:81"'
        load(file=write(tmp_path, text), env={})

    @settings(deadline=None)  # a busy machine is no failure
    @given(
        name=st.sampled_from(sorted(SCHEMA.keys)),
        value=st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
        ),
    )
    def test_any_value_is_taken_or_refused_by_its_name(self, name: str, value: Any) -> None:
        refusal = ""
        try:
            SCHEMA.check(name, Given(value, "here"))
        except ConfigError as error:
            refusal = error.cause
        assert not refusal or (name in refusal and "here" in refusal)


def test_an_authority_that_is_not_there(tmp_path: Path) -> None:
    file = write(tmp_path, 'ca_file = "none.pem"')
    with pytest.raises(ConfigError, match=r"ca_file .*none\.pem can't be read \(No such file"):
        load(file=file, env={"DCGW_TOKEN": "t"}).spec()
    load(file=file, env={}, on_sandbox=True).spec()  # which has its own


def test_a_world_that_a_sandbox_would_refuse(tmp_path: Path) -> None:
    file = write(tmp_path, "[sandbox]\nguilds = 0")
    load(file=file, env={})
    with pytest.raises(ConfigError, match=r"sandbox\.rate .*guilds: 1 or more"):
        load(file=file, env={}, on_sandbox=True)


class TestSandbox:
    def test_is_lively_and_needs_no_token(self) -> None:
        loaded = load(env={}, on_sandbox=True)
        spec, _ = loaded.spec()
        assert spec.on_sandbox
        assert (spec.name, spec.token, spec.workers) == ("sandbox", "", 2)
        assert spec.intents == int(ALL_INTENTS)
        for key, value in SANDBOX_CLUSTER.items():
            assert loaded.values()[key] == value

    def test_given_values_stand_over_its_defaults(self, tmp_path: Path) -> None:
        file = write(tmp_path, "[sandbox]\nrate = 5\nmembers_per_guild = 3")
        spec, _ = load(file=file, env={"DCGW_WORKERS": "1"}, on_sandbox=True).spec()
        assert (spec.sandbox.rate, spec.sandbox.guilds) == (5.0, 40)
        assert spec.workers == 1

    def test_never_runs_on_the_state_of_the_real_bot(self, tmp_path: Path) -> None:
        file = write(tmp_path, 'name = "production"')
        assert load(file=file, env={}).config.name == "production"
        assert load(file=file, env={}, on_sandbox=True).config.name == "sandbox"

    def test_the_real_token_does_not_go_there(self) -> None:
        spec, _ = load(env={"DCGW_TOKEN": TOKEN}, on_sandbox=True).spec()
        assert TOKEN not in msgspec.json.encode(spec).decode()


def test_a_part_of_a_bot_needs_its_share() -> None:
    env = {"DCGW_TOKEN": "t", "DCGW_SHARDS": "0-15/64"}
    with pytest.raises(ConfigError, match=r"identify\.budget"):
        load(env=env).spec()
    spec, _ = load(env=env | {"DCGW_IDENTIFY_BUDGET": "250"}).spec()
    assert (spec.shards, spec.identify.budget) == ("0-15/64", 250)
    spec, _ = load(env=env | {"DCGW_IDENTIFY_BROKER": "self"}).spec()
    assert (spec.identify.broker, spec.identify.budget) == ("self", 0)


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        ("main", "ipc://{main}/control"),
        ("ipc:///run/dcgw/main/control", "ipc:///run/dcgw/main/control"),
        ("tcp://127.0.0.1:7000", "tcp://127.0.0.1:7000"),
        ("tcp://localhost:7000", "tcp://localhost:7000"),
        ("tcp://[::1]:7000", "tcp://[::1]:7000"),
        ("self", "self"),
        ("", ""),
    ],
)
def test_where_the_broker_is(value: str, endpoint: str, tmp_path: Path) -> None:
    env = {
        "DCGW_TOKEN": "t",
        "DCGW_IDENTIFY_BROKER": value,
        "DCGW_STATE_DIR": str(tmp_path / "state"),
        "DCGW_RUNTIME_DIR": str(tmp_path / "run"),
    }
    spec, _ = load(env=env).spec()
    assert spec.identify.broker == endpoint.format(main=cluster_paths("main", env).runtime_dir)
    spec, _ = load(env=env, on_sandbox=True).spec()
    assert spec.identify.broker == "", "a sandbox is a bot of its own"


def test_a_broker_on_another_host_has_keys(tmp_path: Path) -> None:
    file = write(tmp_path, '[identify]\nbroker = "tcp://10.0.0.7:1"\nbroker_keys = "east.key"\n')
    with pytest.raises(ConfigError, match=r"identify\.broker_keys .*east\.key can't be read"):
        load(file=file, env={"DCGW_TOKEN": "t"}).spec()
    (tmp_path / "east.key").touch()
    spec, _ = load(file=file, env={"DCGW_TOKEN": "t"}).spec()
    assert (spec.identify.broker, spec.identify.broker_keys) == (
        "tcp://10.0.0.7:1",
        str(tmp_path / "east.key"),
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("tcp://10.0.0.7:7000", "not on this host"),
        ("tcp://discord.example:7000", "not on this host"),
        ("tcp://localhost", "give the name"),
        ("ipc://relative/control", "give the name"),
        ("/run/control", "give the name"),
        ("Main Cluster", "give the name"),
        ("default", "this cluster itself"),
    ],
)
def test_a_broker_that_cant_be_is_refused(value: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load(env={"DCGW_TOKEN": "t", "DCGW_IDENTIFY_BROKER": value}).spec()
    assert "identify.broker" in caught.value.cause


@pytest.mark.parametrize("key", ["budget", "reserve"])
def test_what_the_broker_keeps_is_not_set_here_too(key: str) -> None:
    env = {"DCGW_TOKEN": "t", f"DCGW_IDENTIFY_{key.upper()}": "5"}
    with pytest.raises(ConfigError, match=rf"identify\.{key} is set"):
        load(env=env | {"DCGW_IDENTIFY_BROKER": "main"}).spec()
    load(env=env | {"DCGW_IDENTIFY_BROKER": "self"}).spec()


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ('"all"', ALL_INTENTS),
        ("513", Intents.GUILDS | Intents.GUILD_MESSAGES),
        ('["GUILDS", "guild_messages"]', Intents.GUILDS | Intents.GUILD_MESSAGES),
        (
            '["unprivileged", "message_content"]',
            (ALL_INTENTS & ~PRIVILEGED_INTENTS) | Intents.MESSAGE_CONTENT,
        ),
        ('"none"', 0),
        ("[]", 0),
    ],
)
def test_intents(text: str, bits: int, tmp_path: Path) -> None:
    file = write(tmp_path, f"intents = {text}")
    spec, _ = load(file=file, env={"DCGW_TOKEN": "t"}).spec()
    assert spec.intents == int(bits)


def test_secrets_are_not_among_the_values(tmp_path: Path) -> None:
    file = write(tmp_path, '[sandbox]\ntoken = "made-up"\ncontrol_token = "door"')
    values = load(file=file, env={"DCGW_TOKEN": TOKEN}).values()
    text = repr(values)
    assert values["sandbox.token"] == values["sandbox.control_token"] == "<hidden>"
    for secret in ("made-up", "door", TOKEN):
        assert secret not in text


def test_a_mistake_elsewhere_keeps_nobody_from_finding_the_cluster(tmp_path: Path) -> None:
    file = write(tmp_path, 'state_dir = "state"\nshards = "lots"\nnonsense = 1')
    name, env = locate(file=file, env={})
    assert (name, env["DCGW_STATE_DIR"]) == (None, str(tmp_path / "state"))
    assert locate(file=file, name="x", env={})[0] == "x"


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("large_threshold", "a whole number from 50 to 250"),
        ("compress", '"none", "zlib-stream" or "zstd-stream"'),
        ("api_version", '9, 10 or "auto"'),
        ("workers", 'a whole number from 1 to 1000000 or "auto"'),
        ("sandbox.faults", "a list of tables"),
        ("presence", "a table"),
    ],
)
def test_what_is_allowed_in_words(key: str, words: str) -> None:
    assert allowed(SCHEMA.keys[key].type) == words


@pytest.mark.parametrize(
    "url",
    ["https://discord.com/api", "http://localhost:80/x", "http://127.0.0.1:1", "http://[::1]:1"],
)
def test_urls_that_may_be_asked(url: str) -> None:
    check_url("api_url", url, "https", "http")


@pytest.mark.parametrize(
    "url",
    ["http://discord.com/api", "ftp://localhost", "discord.com", "https://", "http://10.0.0.1", ""],
)
def test_urls_that_may_not(url: str) -> None:
    with pytest.raises(ConfigError, match="api_url"):
        check_url("api_url", url, "https", "http")


USER: dict[str, str] = {"DCGW_ACCOUNT": "user", "DCGW_CLIENT_BUILD_NUMBER": "396858"}


class TestUserAccount:
    def test_what_its_coordinator_is_told(self, tmp_path: Path) -> None:
        file = write(
            tmp_path,
            'account = "user"\nclient_build_number = 396858\n'
            'capabilities = ["lazy_user_notes", "DEDUPE_USER_OBJECTS"]\n'
            'subscribe_guilds = [81384788765712384, "41771983423143937", 81384788765712384]',
        )
        spec, warnings = load(file=file, env={"DCGW_TOKEN": "t"}).spec()
        assert (spec.account, spec.capabilities, spec.intents) == ("user", 0b10001, 0)
        assert (spec.api_version, spec.client_build_number) == (9, 396858)
        assert spec.subscribe_guilds == [81384788765712384, 41771983423143937]
        assert ["breaks Discord's Terms of Service" in warning for warning in warnings] == [True]

    def test_its_defaults(self) -> None:
        spec, _ = load(env=USER | {"DCGW_TOKEN": "t"}).spec()
        assert spec.capabilities == 161789, "as the web client of this build has them"
        assert (spec.subscribe_guilds, spec.shards, spec.compress) == ([], "auto", "zlib-stream")

    def test_the_commented_file_serves_it_too(self, tmp_path: Path) -> None:
        text = COMMENTED.read_text()
        text = text.replace('account = "bot"', 'account = "user"')
        text = text.replace("client_build_number = 0", "client_build_number = 396858")
        spec, _ = load(file=write(tmp_path, text), env={"DCGW_TOKEN": "t"}).spec()
        assert (spec.account, spec.api_version) == ("user", 9)

    @pytest.mark.parametrize(
        ("given", "parts"),
        [
            ({"INTENTS": "guilds"}, ["intents is set in DCGW_INTENTS", "no intents"]),
            ({"SHARDS": "2"}, ["shards is '2'", "never sharded"]),
            ({"SHARDS": "1-1/2"}, ["shards is '1-1/2'", "never sharded"]),
            ({"IDENTIFY_BROKER": "main"}, ["identify.broker", "one session"]),
            ({"CLIENT_BUILD_NUMBER": "0"}, ["client_build_number is not set", "web client"]),
            ({"PRESENCE": json.dumps({"x": "y" * 2100})}, ["presence is 2,1", "2,048"]),
            ({"CAPABILITIES": str(1 << 53)}, [f"capabilities is {1 << 53}"]),
            ({"CLIENT_BUILD_NUMBER": str(1 << 53)}, [f"client_build_number is {1 << 53}"]),
        ],
    )
    def test_what_is_a_bot_s_is_refused(self, given: dict[str, str], parts: list[str]) -> None:
        env = USER | {f"DCGW_{key}": value for key, value in given.items()}
        with pytest.raises(ConfigError) as caught:
            load(env=env)
        assert all(part in str(caught.value) for part in parts), caught.value

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("client_build_number", "396858"),
            ("subscribe_guilds", "all"),
        ],
    )
    def test_what_is_a_user_s_is_refused_for_a_bot(self, key: str, value: str) -> None:
        with pytest.raises(ConfigError, match=f"{key} is set in DCGW_.*a user account's"):
            load(env={f"DCGW_{key.upper()}": value})

    @pytest.mark.parametrize(
        ("said", "bits"),
        [
            (None, 0),
            ("default", 0),
            ("none", 0),
            ("channel_obfuscation", 1 << 15),
            ("32768", 32768),
        ],
    )
    def test_a_bot_may_have_capabilities(self, said: str | None, bits: int) -> None:
        env = {"DCGW_TOKEN": TOKEN} | ({} if said is None else {"DCGW_CAPABILITIES": said})
        spec, warnings = load(env=env).spec()
        assert (spec.account, spec.capabilities, warnings) == ("bot", bits, [])

    def test_its_token_is_no_bot_s(self) -> None:
        with pytest.raises(ConfigError, match='begins with "Bot"') as caught:
            load(env=USER | {"DCGW_TOKEN": f"Bot {TOKEN}"}).spec()
        assert TOKEN not in str(caught.value)
        with pytest.raises(ConfigError, match="put the user's token into DCGW_TOKEN"):
            load(env=USER).spec()

    def test_one_shard_may_be_said(self) -> None:
        assert load(env=USER | {"DCGW_SHARDS": "1", "DCGW_TOKEN": "t"}).spec()[0].shards == "1"

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"shards": "4", "client_build_number": 1}, "never sharded"),
            ({"identify": IdentifyConfig(broker="self"), "client_build_number": 1}, "one session"),
            ({}, "client_build_number is not set"),
        ],
    )
    def test_a_spec_made_by_hand_is_checked_too(
        self, given: dict[str, Any], words: str, tmp_path: Path
    ) -> None:
        folder = str(tmp_path)
        spec = CoordinatorSpec(
            name="x", state_dir=folder, runtime_dir=folder, token="t", account="user", **given
        )
        with pytest.raises(ConfigError, match=words):
            spec.check()


def test_none_is_no_compression() -> None:
    assert load(env={"DCGW_COMPRESS": "none", "DCGW_TOKEN": "t"}).spec()[0].compression == ""


def test_on_a_sandbox_hosts_say_how_many_workers_there_are(tmp_path: Path) -> None:
    there = write(tmp_path, "")
    assert load(file=there, env={}, on_sandbox=True).config.workers == 2
    env = {
        "DCGW_ENGINE": "join",
        "DCGW_HOSTS_CONTROL": "tcp://127.0.0.1:7321",
        "DCGW_HOSTS_EVENTS": "tcp://127.0.0.1:7322",
        "DCGW_HOSTS_REPLAY": "tcp://127.0.0.1:7323",
    }
    assert load(file=there, env=env, on_sandbox=True).config.workers == "auto"
