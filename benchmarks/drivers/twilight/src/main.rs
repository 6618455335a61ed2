//! twilight-gateway with a loop that does nothing: the lines of counting.py.
//!
//! Each shard is a stream of raw messages: it has read op, t and s of each, and nobody reads d. All
//! are on one thread, which is the cheapest. The gateway's authority comes by SSL_CERT_FILE.

use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::{io, process, thread};

use serde_json::{Value, from_str, from_value, json};
use tokio::runtime::Builder;
use tokio_stream::StreamExt;
use twilight_gateway::queue::InMemoryQueue;
use twilight_gateway::{Config, ConfigBuilder, Intents, Session, Shard, ShardId};

/// Sessions that are ready.
static READY: AtomicU64 = AtomicU64::new(0);
/// Dispatches of the stream, of all sessions together.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Reads a shard's messages for ever.
async fn run(id: ShardId, config: Config<InMemoryQueue>, counts: Vec<u64>) {
    let mut shard = Shard::with_config(id, config);
    let mut last = 0;
    while let Some(message) = shard.next().await {
        if let Err(error) = message {
            eprintln!("{id}: {error}");
            continue;
        }
        // Only a dispatch moves it.
        let sequence = shard.session().map_or(0, Session::sequence);
        if sequence == last {
            continue;
        }
        if last == 0 {
            if READY.fetch_add(1, Relaxed) + 1 == u64::from(id.total()) {
                println!("{}", json!({"ready": true}));
            }
        } else {
            let count = COUNT.fetch_add(1, Relaxed) + 1;
            if counts.contains(&count) {
                println!("{}", json!({"count": count}));
            }
        }
        last = sequence;
    }
}

/// Runs so many sessions of one bot, for ever.
async fn run_all(settings: Value) -> io::Result<()> {
    let text = |name: &str| settings[name].as_str().unwrap_or_default().to_owned();
    let sessions = settings["sessions"].as_u64().unwrap_or(1) as u32;
    let counts: Vec<u64> = from_value(settings["counts"].clone())?;
    let config = ConfigBuilder::new(text("token"), Intents::all())
        .proxy_url(text("url"))
        .queue(InMemoryQueue::new(0, 0, Default::default(), 0)) // 0: none waits for its turn
        .build();
    for number in 0..sessions {
        let id = ShardId::new(number, sessions);
        tokio::spawn(run(id, config.clone(), counts.clone()));
    }
    pending().await
}

fn main() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let settings = from_str(&line)?;
    thread::spawn(|| {
        _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0); // its connections end with the process
    });
    let mut runtime = Builder::new_current_thread();
    runtime.enable_all().build()?.block_on(run_all(settings))
}
