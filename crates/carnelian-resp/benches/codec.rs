//! Speed of the codec, in time per request or reply.
//!
//! `cargo bench -p carnelian-resp`

use std::hint::black_box;

use carnelian_resp::{
    Limits, Protocol, ReplyDecoder, ReplyWriter, RequestParser, Status, encode_command, oracle,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn command(args: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_command(&mut out, args);
    out
}

/// Parse every request in `input`; gives the bytes of arguments seen, so that none of the work can be left out.
fn parse_all(parser: &mut RequestParser, mut input: &[u8]) -> usize {
    let mut bytes = 0;
    while let Ok(Status::Complete { len }) = parser.parse(input) {
        let args = parser.args(input);
        bytes += args.len() + args.get(1).map_or(0, <[u8]>::len);
        input = &input[len..];
    }
    bytes
}

fn requests(c: &mut Criterion) {
    let set = command(&[b"SET", b"key:000000012345", &[b'v'; 32]]);
    let get = command(&[b"GET", b"key:000000012345"]);
    let big = command(&[b"SET", b"key", &vec![b'v'; 1 << 20]]);
    let many: Vec<&[u8]> =
        std::iter::once(&b"MSET"[..]).chain(std::iter::repeat_n(&b"value"[..], 1000)).collect();

    let mut group = c.benchmark_group("request");
    let mut inputs = vec![("set", 1, set.clone()), ("get", 1, get.clone())];
    for depth in [16, 64] {
        inputs.push(("set pipeline", depth, set.repeat(depth)));
        inputs.push(("get pipeline", depth, get.repeat(depth)));
    }
    inputs.push(("mset of 1000", 1, command(&many)));
    inputs.push(("set of 1 MiB", 1, big));
    inputs.push(("inline set", 1, b"SET key:000000012345 \"a value\"\r\n".to_vec()));
    for (name, depth, input) in inputs {
        let mut parser = RequestParser::new(Limits::default());
        group.throughput(Throughput::Elements(depth as u64));
        group.bench_function(format!("{name}/{depth}"), |b| {
            b.iter(|| parse_all(&mut parser, black_box(&input)));
        });
    }
    group.throughput(Throughput::Elements(1));
    group.bench_function("set by the grammar/1", |b| {
        let limits = Limits::default();
        b.iter(|| oracle::request(black_box(&set), &limits));
    });
    group.bench_function("set byte by byte/1", |b| {
        let mut parser = RequestParser::new(Limits::default());
        b.iter(|| (1..=set.len()).filter(|&end| parser.parse(black_box(&set[..end])).is_ok()).count());
    });
    group.finish();
}

fn replies(c: &mut Criterion) {
    let mut group = c.benchmark_group("write");
    let value = [b'v'; 32];
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut writer = ReplyWriter::with_buffer(protocol, Vec::with_capacity(1 << 16));
        let version = protocol.version();
        let mut bench = |name: &str, write: &dyn Fn(&mut ReplyWriter)| {
            group.bench_function(format!("{name}/resp{version}"), |b| {
                b.iter(|| {
                    writer.clear();
                    write(black_box(&mut writer));
                    writer.len()
                });
            });
        };
        bench("ok", &|w| w.ok());
        bench("bulk of 32", &|w| w.bulk(&value));
        bench("integer", &|w| w.integer(black_box(123_456)));
        bench("double", &|w| w.double(black_box(0.1)));
        bench("map of 10", &|w| {
            w.map(10);
            for _ in 0..20 {
                w.bulk(&value);
            }
        });
        bench("deferred array of 100", &|w| {
            let array = w.begin_array();
            for _ in 0..100 {
                w.bulk(&value);
            }
            w.end_array(array, 100);
        });
    }
    group.finish();

    let mut group = c.benchmark_group("decode");
    let mut writer = ReplyWriter::new(Protocol::Resp3);
    let mut inputs = Vec::new();
    writer.ok();
    inputs.push(("ok", writer.take()));
    writer.bulk(&value);
    inputs.push(("bulk of 32", writer.take()));
    writer.bulk(&vec![b'v'; 1 << 20]);
    inputs.push(("bulk of 1 MiB", writer.take()));
    writer.array(100);
    (0..100).for_each(|i| writer.integer(i));
    inputs.push(("array of 100 integers", writer.take()));
    for (name, input) in inputs {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                ReplyDecoder::default,
                |decoder| decoder.decode(black_box(&input)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, requests, replies);
criterion_main!(benches);
