"""The one table of the link: messages, fields, codes and versions.

The C header (`render_header`), the Python codec and the message table of
docs/protocol.md are all made from it. Integers are little-endian. The schema grows
like this: new messages take free codes, new fields are appended to a message and
carry a `default`, receivers ignore trailing bytes that they do not know. Only a
change that breaks these rules raises `PROTOCOL_VERSION`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PROTOCOL_VERSION = 1
"""First byte of every frame's header; its place and the CRC never change."""

HEADER_BYTES = 7
"""version u8, session u16, sequence u16, type u8, flags u8."""

CRC_BYTES = 4
OVERHEAD_BYTES = HEADER_BYTES + CRC_BYTES
"""What a frame adds to its payload before COBS."""

MIN_FRAME_BYTES = 64
MAX_FRAME_BYTES = 1024
"""Limits of a firmware's largest payload (WK_FRAME_BYTES)."""

WINDOW = 2
"""Requests that may be under way at once."""

ACK_AFTER_MS = 10
"""A request that is not answered within so many milliseconds is acknowledged by a frame of its own."""

REPLY = 0x40
"""Added to a request's type for its answer."""

Kind = Literal["u8", "u16", "u32", "u64", "i8", "i16", "i32", "bytes", "text", "tail"]
SIZES: dict[str, int] = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "i8": 1, "i16": 2, "i32": 4}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a payload.

    `bytes` has a fixed `size`; `text` a length byte and at most `size` bytes; `tail` is
    the rest of the payload and comes last.
    """

    name: str
    kind: Kind
    doc: str
    size: int = 0
    default: int | None = None
    """Set on fields that were appended after their message was first published."""

    @property
    def fixed_size(self) -> int:
        """Bytes that the field takes at least."""
        if self.kind == "bytes":
            return self.size
        return SIZES.get(self.kind, 1 if self.kind == "text" else 0)

    @property
    def largest_size(self) -> int:
        """Bytes that the field takes at most, a tail not counted."""
        return self.fixed_size + (self.size if self.kind == "text" else 0)


@dataclass(frozen=True, slots=True)
class Message:
    """A request with its answer, or (`reply is None`) a frame that only the device sends."""

    name: str
    code: int
    doc: str
    fields: tuple[Field, ...] = ()
    reply: tuple[Field, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Code:
    """A named number with what it means to a person."""

    name: str
    value: int
    doc: str
    hint: str = ""


def _f(name: str, kind: Kind, doc: str, size: int = 0, default: int | None = None) -> Field:
    return Field(name, kind, doc, size, default)


_BATCH_FLAGS = _f("flags", "u8", "bits of batch flags")
_PLACE = _f("place", "u16", "where in the batch the first of these goes: after those already there")
_SLOTS = _f("slots", "tail", "u16 slot numbers, in batch order")
_LAYERS = _f("layers", "tail", "a layer: saturated u32, error exponent i8, gradient exponent i8")
_LOGITS = _f("logits", "tail", "i32, sample by sample")
_RESULT = (
    _f("step", "u32", "number of the step, from 0"),
    _f("samples", "u32", "samples of the batch"),
    _f("errors", "u32", "samples classified wrongly before the update"),
    _f("sum_squared_error", "u64", "saturated at its largest value"),
    _f("log2_lr", "i8", "after the rule"),
    _LAYERS,
)

BATCH_FLAGS: tuple[Code, ...] = (
    Code("more", 1, "only put these samples into the batch; another request brings the rest"),
)
HELLO_FLAGS: tuple[Code, ...] = (
    Code("loading", 1, "masters are incomplete: load them before anything else"),
    Code("trains", 2, "the firmware can learn; without it, it was built to infer only"),
    Code("frozen", 4, "some weights are constants in flash: `frozen` tells which"),
    Code("health", 8, "the firmware can count the health of its layers"),
    Code("senses", 16, "the firmware has a sensor of its own: `sense`"),
    Code("streams", 32, "the firmware takes `train_samples`"),
    Code("checkpoints", 256, "the firmware keeps checkpoints"),
    Code("restored", 512, "at its start the firmware loaded a checkpoint"),
)

REQUESTS: tuple[Message, ...] = (
    Message(
        "hello",
        0x01,
        "Opens the session that the header names; sent with sequence 0. Repeated with the same nonce "
        "it is answered again and changes nothing.",
        (_f("nonce", "u32", "random; its low half is the session's number and not 0"),),
        (
            _f("nonce", "u32", "as sent"),
            _f("fingerprint", "bytes", "SHA-256 of the network the firmware was built from", 32),
            _f("inputs", "u32", "codes a sample"),
            _f("classes", "u16", "logits a sample"),
            _f("layers", "u8", "weight layers"),
            _f("master_bytes", "u8", "bytes a weight, 1 or 2"),
            _f("batch", "u16", "largest batch"),
            _f("frame_bytes", "u16", "largest payload that the device takes and sends"),
            _f("store_slots", "u32", "samples that the device keeps"),
            _f("flags", "u16", "bits of hello flags"),
            _f("weights", "u32", "weights in all layers"),
        ),
    ),
    Message(
        "about",
        0x02,
        "What the firmware is and how its counter ticks.",
        (),
        (
            _f("tick_hz", "u32", "ticks a second"),
            _f("instructions", "u32", "instructions in `ticks` ticks; 0 where ticks are only time"),
            _f("ticks", "u32", "see `instructions`"),
            _f("board", "text", "name of the board", 24),
            _f("firmware", "text", "version of the firmware", 24),
        ),
    ),
    Message(
        "manifest",
        0x0A,
        "Which build the firmware is.",
        (),
        (_f("hash", "bytes", "SHA-256 over sources, settings and facts: `hash` in manifest.json", 32),),
    ),
    Message(
        "frozen",
        0x0B,
        "Which layers' weights are constants in flash. They read as masters on the grid of weights, and "
        "loading them is refused where it would change them.",
        (),
        (
            _f("crc", "u32", "CRC-32 over these layers' masters in order; 0 if there are none"),
            _f("layers", "bytes", "bit `n % 8` of byte `n / 8` is weight layer `n`", 32),
        ),
    ),
    Message(
        "build_text",
        0x0C,
        "What the firmware was made of, in lines `key=value` (UTF-8); as many bytes as fit, from `first` on. "
        "Firmware older than this message answers `unknown`.",
        (_f("first", "u16", "first byte"),),
        (_f("size", "u16", "bytes of the whole text"), _f("text", "tail", "")),
    ),
    Message(
        "get_state",
        0x03,
        "State of the network and the defaults of training.",
        (),
        (
            _f("step", "u32", "batches learned"),
            _f("seed", "u32", "seed of the update's random numbers"),
            _f("log2_lr", "i8", "learning rate that training uses"),
            _f("rule", "u8", "0 paper, 1 error_scaled"),
            _f("flags", "u16", "bits of hello flags"),
        ),
    ),
    Message("set_state", 0x04, "Sets step and seed.", (_f("step", "u32", ""), _f("seed", "u32", "")), ()),
    Message(
        "set_rule",
        0x05,
        "Sets what training uses from now on.",
        (_f("log2_lr", "i8", "-16..15"), _f("rule", "u8", "0 paper, 1 error_scaled")),
        (),
    ),
    Message(
        "load_begin",
        0x06,
        "Starts to replace all masters. Until `load_commit` succeeds the device neither trains nor infers.",
    ),
    Message(
        "load_chunk",
        0x07,
        "Some masters of a layer, each checked against the grid. Layers in flash may be left out.",
        (
            _f("layer", "u8", "weight layer"),
            _f("first", "u32", "flat index of the first weight"),
            _f("data", "tail", "masters, i8 or i16"),
        ),
        (),
    ),
    Message(
        "load_commit",
        0x08,
        "Ends the loading if the masters in memory have this CRC-32.",
        (
            _f("crc", "u32", "CRC-32 over the masters of all layers in order"),
            _f("step", "u32", "step to go on from"),
            _f("seed", "u32", "seed to go on with"),
        ),
        (),
    ),
    Message(
        "read_masters",
        0x09,
        "Some masters of a layer.",
        (
            _f("layer", "u8", "weight layer"),
            _f("first", "u32", "flat index of the first weight"),
            _f("count", "u16", "weights"),
        ),
        (_f("data", "tail", "masters, i8 or i16"),),
    ),
    Message(
        "upload",
        0x10,
        "A part of one sample for the store; also while a program runs.",
        (
            _f("slot", "u16", "place in the store"),
            _f("offset", "u32", "first code"),
            _f("label", "u16", "class number"),
            _f("codes", "tail", "i8 on the grid of the activations, NHWC"),
        ),
        (),
    ),
    Message(
        "upload_many",
        0x11,
        "Whole samples for neighbouring slots; also while a program runs.",
        (
            _f("slot", "u16", "place of the first"),
            _f("samples", "tail", "a sample: label u16 and all its codes i8"),
        ),
        (),
    ),
    Message(
        "train",
        0x12,
        "Begins a training step on samples of the store and answers at once: the samples are copied, so "
        "that the next ones may be uploaded while the step runs. `result` waits for its end.",
        (_BATCH_FLAGS, _PLACE, _SLOTS),
        (),
    ),
    Message(
        "train_range",
        0x13,
        "As `train`, for neighbouring slots.",
        (_f("first", "u16", "first slot"), _f("count", "u16", "samples")),
        (),
    ),
    Message(
        "train_samples",
        0x2C,
        "Waits for the program under way and begins a training step on these samples, which go past the "
        "store. It answers when that has begun, with the report of the training step before: 0 samples and "
        "no layers if there is none. `result` waits for the end of the last one.",
        (_f("samples", "tail", "the whole batch; a sample: label u16 and all its codes i8"),),
        _RESULT,
    ),
    Message(
        "result",
        0x14,
        "Waits for the program under way and reports the last training step; `layers` has as many as fit.",
        (),
        _RESULT,
    ),
    Message(
        "layer_stats",
        0x15,
        "More of the layers of the last training step.",
        (_f("first", "u8", "first layer"),),
        (_LAYERS,),
    ),
    Message(
        "infer",
        0x16,
        "Logits of samples of the store; as many values as fit, the rest by `read_logits`.",
        (_BATCH_FLAGS, _PLACE, _SLOTS),
        (_f("samples", "u16", "samples of the batch"), _LOGITS),
    ),
    Message(
        "infer_range",
        0x17,
        "As `infer`, for neighbouring slots.",
        (_f("first", "u16", "first slot"), _f("count", "u16", "samples")),
        (_f("samples", "u16", "samples inferred"), _LOGITS),
    ),
    Message(
        "read_logits",
        0x18,
        "Logits of the last inference; as many values as fit.",
        (_f("first", "u32", "flat index, sample * classes + class"),),
        (_LOGITS,),
    ),
    Message(
        "evaluate",
        0x19,
        "Infers a range of the store and compares with its labels.",
        (
            _f("first", "u16", "first slot"),
            _f("count", "u16", "samples"),
            _f("log2_one", "u8", "log2 of the logit that stands for 1"),
        ),
        (
            _f("samples", "u32", "samples inferred"),
            _f("errors", "u32", "samples classified wrongly"),
            _f("sum_squared_error", "u64", "saturated at its largest value"),
        ),
    ),
    Message(
        "learn_plan",
        0x1A,
        "How `learn` learns and when it stops; counting begins at 0.",
        (
            _f("window_log2", "u8", "1..10: weight of the newest sample in the running accuracy"),
            _f("samples", "u32", "stop after so many; 0: no limit"),
            _f("accuracy", "u32", "stop when so many 2^-20ths are right; 0: no limit"),
            _f("patience", "u32", "stop after so many samples without a new best; 0: no limit"),
            _f("rates", "tail", "at most 8: from this sample on (u32, the first 0), log2_lr (i8)"),
        ),
        (),
    ),
    Message(
        "replay",
        0x1B,
        "A reservoir in slots of the store; this empties it. `learn` offers it the samples that it learned, "
        "and learns from it between new ones.",
        (
            _f("first", "u16", "first slot"),
            _f("capacity", "u16", "samples; 0: off"),
            _f("steps", "u8", "steps on old samples after each step on new ones"),
            _f("seed", "u32", "of what is kept and drawn"),
        ),
        (),
    ),
    Message(
        "learn",
        0x1C,
        "Begins to learn stored samples by itself, with the plan of `learn_plan` whose count goes on, and "
        "answers at once; `learn_state` tells how it goes. Another session ends it after the step under way.",
        (
            _f("first", "u16", "first slot"),
            _f("count", "u16", "slots"),
            _f("batch", "u16", "samples a step"),
            _f("order", "u8", "0 one after the other, 1 drawn"),
            _f("rule", "u8", "0 paper, 1 error_scaled"),
            _f("seed", "u32", "of the order, if drawn"),
            _f("limit", "u32", "pause after so many samples; 0: at the plan's end only"),
        ),
        (),
    ),
    Message(
        "learn_stop", 0x1D, "Ends `learn` and its plan after the step under way; also while a program runs."
    ),
    Message(
        "learn_pause",
        0x26,
        "Ends `learn` after the step under way, as its limit does: the plan stays, and `learn` goes on with "
        "it; also while a program runs.",
    ),
    Message(
        "learn_rates",
        0x27,
        "Other rates for the plan of `learn_plan`, whose count goes on.",
        (_f("rates", "tail", "as in `learn_plan`"),),
        (),
    ),
    Message(
        "learn_state",
        0x1E,
        "How learning goes; also while a program runs.",
        (),
        (
            _f("active", "u8", "1 while `learn` is under way"),
            _f("end", "u8", "0 goes on, 1 samples, 2 accuracy, 3 patience, 4 asked"),
            _f("log2_lr", "i8", "of the next step, before the rule"),
            _f("seen", "u32", "new samples learned since `learn_plan`"),
            _f("wrong", "u32", "of them, those classified wrongly before they were learned"),
            _f("running", "u32", "running accuracy of new samples before they were learned, in 2^-20ths"),
            _f("best", "u32", "largest running accuracy since the first window was full"),
            _f("best_at", "u32", "`seen` when it was reached"),
            _f("stored", "u32", "samples in the reservoir"),
            _f("step", "u32", "batches learned, as in `get_state`"),
            _f("replay_first", "u16", "slot of the reservoir's first place", default=0),
            _f("replay_capacity", "u16", "its places", default=0),
        ),
    ),
    Message(
        "counters",
        0x20,
        "Counters since reset; also while a program runs.",
        (),
        (
            _f("ticks", "u64", "now"),
            _f("program_ticks", "u64", "of the last program that ended, from begin to end"),
            _f("compute_ticks", "u64", "of the last program, the link's work not counted"),
            _f("frames", "u32", "valid frames received"),
            _f("crc_errors", "u32", "frames that were cut or damaged"),
            _f("overruns", "u32", "bytes lost because the receive ring was full"),
            _f("duplicates", "u32", "requests received more than once"),
            _f("dropped", "u32", "requests out of order, or of another session"),
            _f("sent", "u32", "frames sent"),
            _f("stack_free", "u32", "bytes of the stack never used"),
        ),
    ),
    Message(
        "profile",
        0x23,
        "Ticks that each operation of the program took, summed up since the last program began; as many "
        "as fit, from `first` on. Operation 0 is the first of the program.",
        (_f("first", "u8", "first operation"),),
        (
            _f("operations", "u8", "operations of the program"),
            _f("ticks", "tail", "u64, operation by operation"),
        ),
    ),
    Message(
        "slices",
        0x24,
        "Ticks of the longest slice of each operation since the last program began; as many as fit, from "
        "`first` on. Nothing else of the firmware runs during a slice, but interrupts.",
        (_f("first", "u8", "first operation"),),
        (
            _f("operations", "u8", "operations of the program"),
            _f("ticks", "tail", "u32, operation by operation"),
        ),
    ),
    Message(
        "set_health",
        0x28,
        "Counts the health of the layers in steps whose number is a multiple of `every`, from the next step "
        "on that begins; also while a program runs. A firmware without the hello flag `health` does not know "
        "this message.",
        (_f("every", "u16", "steps; 0, as after reset: never"),),
        (),
    ),
    Message(
        "health",
        0x29,
        "Health of the layers in the last step that counted it, as many as fit, from `first` on; also while "
        "a program runs, but in a step that counts: then it waits for the step's end.",
        (_f("first", "u8", "first layer"),),
        (
            _f("step", "u32", "number of that step"),
            _f("samples", "u32", "of its batch; 0: there was none since reset"),
            _f(
                "layers",
                "tail",
                "a layer: masters raised, lowered, clipped, weights not 0, of another sign, errors that are "
                "0, saturated activations (u32 each), gradient exponent i8; 0 where it is not counted",
            ),
        ),
    ),
    Message(
        "sense",
        0x2A,
        "Lets the device's own sensor fill a slot of the store; answered when it has, with label 0 there.",
        (_f("slot", "u16", "place in the store"),),
        (),
    ),
    Message(
        "read_sample",
        0x2B,
        "A sample of the store; as many codes as fit, from `offset` on. Also while a program runs.",
        (_f("slot", "u16", "place in the store"), _f("offset", "u32", "first code")),
        (
            _f("label", "u16", "class number"),
            _f("codes", "tail", "i8 on the grid of the activations, NHWC"),
        ),
    ),
    Message(
        "checkpoint_save",
        0x30,
        "Begins to save masters, step, seed, rate, rule, policy and what its `keep` says. Until it has "
        "ended, requests that change the network wait; inference and reading go on.",
        (_f("wait", "u8", "1: answer when the record was read back from the flash, 0: at once"),),
        (_f("step", "u32", "of the record"),),
    ),
    Message(
        "checkpoint_load",
        0x31,
        "Goes back to the newest checkpoint. Until it is loaded the device neither trains nor infers.",
        (),
        (_f("step", "u32", "of the record"),),
    ),
    Message(
        "checkpoint_info",
        0x32,
        "Checkpoints and what they cost since reset; also while a program runs.",
        (),
        (
            _f("work", "u8", "0 nothing under way, 1 a save, 2 a load"),
            _f(
                "last_save",
                "u8",
                "how the last save ended: 0 whole, 1 under way, 2 none since reset, 4 worn, ..",
            ),
            _f("newest", "u8", "slot of the newest record, or 2"),
            _f("unconfirmed", "u8", "1: whole, but perhaps nobody was told of it"),
            _f("slot0", "u8", "0 blank, 1 damaged, 2 of another network, 3 whole"),
            _f("slot1", "u8", "as slot0"),
            _f("word_bytes", "u8", "of the flash"),
            _f("step", "u32", "of the newest record"),
            _f("sequence", "u32", "of the newest record"),
            _f("saves", "u32", "records written and read back"),
            _f("failures", "u32", "saves that the flash did not take"),
            _f("erases", "u32", "sectors erased"),
            _f("words", "u32", "words programmed"),
            _f("failed_at", "u32", "address of the last failure, from the start of the area"),
            _f("sectors", "u32", "of the area"),
            _f("sector_bytes", "u32", ""),
            _f("every", "u32", "policy, see `set_policy`"),
            _f("improvement", "u32", "policy"),
            _f("spacing", "u32", "policy"),
            _f("keep", "u8", "policy", default=0),
            _f(
                "learning",
                "u8",
                "the record that was loaded last had: 0 the network alone, 1 also how learning stands, 2 "
                "that too, but it does not fit this firmware and is not used",
                default=0,
            ),
            _f("record_bytes", "u32", "that a save would write now", default=0),
        ),
    ),
    Message(
        "set_policy",
        0x33,
        "When the device saves by itself; kept in every checkpoint. Also while a program runs.",
        (
            _f("every", "u32", "steps between saves, 0: not by steps"),
            _f(
                "improvement",
                "u32",
                "save when an evaluation's share of errors is so many 65536ths below the "
                "best so far, 0: not by improvement",
            ),
            _f("spacing", "u32", "seconds between the begin of one save and of the next, at least"),
            _f(
                "keep",
                "u8",
                "what a checkpoint has: 0 the network alone, 1 also how learning by itself stands, with the "
                "replay store, 2 also the samples that are being learned, and then learning goes on at the "
                "next start",
                default=1,
            ),
        ),
        (),
    ),
    Message("reset", 0x21, "Answers, then restarts the chip."),
    Message(
        "exit",
        0x22,
        "Answers, then ends QEMU with this code; a real board stops.",
        (_f("code", "u8", "exit code"),),
        (),
    ),
)

NOTICES: tuple[Message, ...] = (
    Message(
        "ack",
        0x80,
        "The request of this sequence number is held or being worked on.",
        (
            _f("progress", "u32", "grows with everything the device does"),
            _f("running", "u8", "1 if this request is being executed"),
        ),
        None,
    ),
    Message(
        "error",
        0x81,
        "Instead of an answer.",
        (
            _f("code", "u8", "error code"),
            _f("value", "u32", "the value that is wrong, if there is one"),
            _f("limit", "u32", "its limit, if there is one"),
        ),
        None,
    ),
    Message(
        "no_session",
        0x82,
        "The header's session is not open; sent instead of acting on a request.",
        (_f("open", "u8", "0: none since reset, 1: another one"),),
        None,
    ),
    Message(
        "log",
        0x83,
        "A line for people, unsolicited; sequence 0.",
        (_f("level", "u8", "10 debug, 20 info, 30 warning, 40 error"), _f("text", "tail", "UTF-8")),
        None,
    ),
    Message(
        "fault",
        0x84,
        "The firmware's last words, unsolicited; sent more than once.",
        (
            _f("cause", "u32", "fault cause"),
            *(
                _f(name, "u32", "register at the fault")
                for name in ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "psr", "sp")
            ),
            *(
                _f(name, "u32", "fault status register, 0 where the core has none")
                for name in ("cfsr", "hfsr", "mmfar", "bfar")
            ),
            _f("exception", "u32", "number of the active exception, 0 in thread mode"),
            _f("file", "u32", "four characters that name the source file of a failed assertion, else 0"),
            _f("line", "u32", "its line"),
        ),
        None,
    ),
)

ERRORS: tuple[Code, ...] = (
    Code("version", 1, "speaks another version of the link protocol", "build the firmware again"),
    Code("unknown", 2, "does not know this message", "build the firmware again with this version"),
    Code(
        "length",
        3,
        "a message is shorter than its fields, or too long",
        "build the firmware again with this version",
    ),
    Code("range", 4, "a value outside its range"),
    Code("state", 5, "the request does not fit the present state"),
    Code("loading", 6, "masters are incomplete", "load a whole set of masters first"),
    Code("checksum", 7, "the masters that arrived are not those that were sent", "load them again"),
    Code("slot", 8, "a slot behind the end of the sample store"),
    Code("batch", 9, "a batch that is empty or larger than the firmware was built for"),
    Code("label", 10, "a label that is no class number"),
    Code("code", 11, "a sample code outside the grid"),
    Code("training", 12, "the firmware was built to infer only", "build it with training"),
    Code(
        "frozen",
        13,
        "the layer's weights are constants in flash, and others",
        "build the firmware with the weights that are to be loaded, and flash it",
    ),
    Code("sensor", 14, "the firmware has no sensor", "build it with one: wagekit build --sensor FILE.c"),
    Code("no_sample", 15, "the sensor gave no sample", "look at wk_app_sense of the firmware"),
    Code(
        "worn",
        48,
        "the flash did not take the checkpoint; the one before is untouched, and learning goes on",
        "try again, or give the board other sectors for checkpoints",
    ),
    Code(
        "small",
        49,
        "the board has no room for checkpoints of this network",
        "board.toml names sectors for them: [[checkpoint]]",
    ),
    Code(
        "large",
        51,
        "the samples do not fit a slot for checkpoints beside the network, in bytes",
        'make the replay store smaller, or leave it out of checkpoints: set_policy(keep="network")',
    ),
    Code("empty", 50, "there is no checkpoint of this network", "save one first"),
)

FAULT_CAUSES: tuple[Code, ...] = (
    Code("hard", 1, "HardFault"),
    Code("nmi", 2, "non-maskable interrupt (or the watchdog's first time-out)"),
    Code("memory", 3, "memory protection fault"),
    Code("bus", 4, "bus fault"),
    Code("usage", 5, "usage fault"),
    Code("stack", 6, "stack overflow"),
    Code("assert", 7, "failed assertion"),
    Code("exception", 8, "exception or interrupt that nothing handles"),
)

FAULT_REPEATS = 2
"""How often a dying firmware says why."""


def find(name: str) -> Message:
    """The message with this name; KeyError for a name that is not in the table."""
    return _BY_NAME[name]


def wire_size(fields: tuple[Field, ...]) -> int:
    """Bytes of the fields before the tail when no appended field is left out; texts at their longest."""
    return sum(field.largest_size for field in fields)


_BY_NAME = {message.name: message for message in (*REQUESTS, *NOTICES)}
