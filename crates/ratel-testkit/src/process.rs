//! What the system says about a process, and signals to it.

use std::path::Path;
use std::process::Command;

/// The peak of resident memory in bytes, where the system tells (Linux).
pub fn peak_memory(pid: u32) -> Option<u64> {
    status_kib(pid, "VmHWM:")
}

/// Resident memory in bytes, where the system tells (Linux).
pub fn memory(pid: u32) -> Option<u64> {
    status_kib(pid, "VmRSS:")
}

fn status_kib(pid: u32, key: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The number of open file descriptors, where the system tells (Linux).
pub fn descriptors(pid: u32) -> Option<usize> {
    let folder = format!("/proc/{pid}/fd");
    Some(std::fs::read_dir(Path::new(&folder)).ok()?.count())
}

/// Sends a signal by name, as in `TERM` or `INT`.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {pid}"))
        .status()
        .expect("sh runs");
    assert!(status.success(), "cannot send {name} to process {pid}");
}
