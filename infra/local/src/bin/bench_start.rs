//! How long each function's program takes from exec to its first 200, and how much memory it holds when idle.
//!
//! `bench-start FOLDER [RUNS]`: FOLDER holds the programs (`make release`). Each is started RUNS times (21 unless told) as on
//! Cloud Run, with emulator addresses at which nothing listens: starting must not need the network.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The targets.
const MOST_MS: f64 = 20.0;
const MOST_MIB: f64 = 25.0;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("usage: bench-start FOLDER [RUNS]")?;
    let runs: usize = arguments.next().map_or(Ok(21), |runs| runs.parse()).context("RUNS is a number")?;
    let keys = tempfile::tempdir()?;
    let pem = access::token::SigningKeys::generate()?.to_pem();
    let mut all_well = true;
    println!(
        "| function | size MiB | first 200, median ms | slowest ms | idle memory, median MiB |\n|---|---|---|---|---|"
    );
    for function in consentmd::functions::all().iter().map(|function| function.name) {
        let program = Path::new(&folder).join(function);
        let size = std::fs::metadata(&program).with_context(|| format!("{} is not built", program.display()))?.len();
        let mut times = Vec::with_capacity(runs);
        let mut memory = Vec::with_capacity(runs);
        for _ in 0..runs {
            let (took, kib) = start_once(&program, &keys.path().join("keys.json"), &pem)?;
            times.push(took.as_secs_f64() * 1000.0);
            memory.push(kib / 1024.0);
        }
        times.sort_by(f64::total_cmp);
        memory.sort_by(f64::total_cmp);
        let (median, held) = (times[runs / 2], memory[runs / 2]);
        all_well &= median < MOST_MS && held < MOST_MIB;
        let mib = size as f64 / 1024.0 / 1024.0;
        println!("| {function} | {mib:.1} | {median:.1} | {:.1} | {held:.1} |", times[runs - 1]);
    }
    println!(
        "Targets: median under {MOST_MS} ms, memory under {MOST_MIB} MiB: {}.",
        if all_well { "met" } else { "MISSED" }
    );
    if all_well { Ok(()) } else { bail!("a target was missed") }
}

fn start_once(program: &Path, key_file: &Path, pem: &str) -> anyhow::Result<(Duration, f64)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let began = Instant::now();
    let child = Command::new(program)
        .env_clear()
        .envs([("PLATFORM", "google"), ("GOOGLE_CLOUD_PROJECT", "bench"), ("HOST", "127.0.0.1")])
        .envs([("FIRESTORE_EMULATOR_HOST", "127.0.0.1:9"), ("PUBSUB_EMULATOR_HOST", "127.0.0.1:9"), ("LOG", "warn")])
        .env("PORT", port.to_string())
        .env("KEY_FILE", key_file)
        .env("BLOBS_DIR", key_file.with_file_name("blobs"))
        .env("SIGNING_KEY_PEM", pem)
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("{} does not start", program.display()))?;
    let mut child = Ended(child);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    while !answers(address) {
        if let Some(status) = child.0.try_wait()? {
            bail!("{} ended with {status}", program.display());
        }
        if began.elapsed() > Duration::from_secs(10) {
            bail!("{} does not answer within 10 s", program.display());
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let took = began.elapsed();
    // Let what the first request began come to rest.
    std::thread::sleep(Duration::from_millis(100));
    Ok((took, resident_kib(child.0.id())?))
}

/// Ends the program whatever happens.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = [0; 12];
    stream.write_all(request).is_ok() && stream.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200"
}

fn resident_kib(pid: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
