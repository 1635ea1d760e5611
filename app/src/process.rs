//! Figures of the process and the machine from `/proc`, sampled at a scrape. Where a file is missing
//! the figure is omitted; nothing here can fail a scrape.
//!
//! The figures of the process have the names of `metrics-process` and are not read by it: it brings
//! procfs, which takes three times as long to compile as rustix, for eight numbers of two files.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use crate::metrics;

/// Samples what changes between scrapes.
#[derive(Debug, Default)]
pub struct Process {
    /// Busy and total ticks of the machine at the last sample.
    last: Mutex<Option<(u64, u64)>>,
}

impl Process {
    /// Sets every gauge of the process, the machine and the disk under `data_dir`.
    pub fn publish(&self, data_dir: &Path) {
        publish_memory();
        publish_files();
        publish_limits();
        publish_disk(data_dir);
        self.publish_cpu();
    }

    fn publish_cpu(&self) {
        let Some(now) = machine_ticks() else { return };
        let Ok(mut last) = self.last.lock() else { return };
        let (busy, total) = *last.get_or_insert_with(|| {
            metrics::cpu_utilization(0.0);
            now
        });
        // Of a moment between two readers there is little to say.
        let passed = now.1.saturating_sub(total);
        if passed >= rustix::param::clock_ticks_per_second() {
            *last = Some(now);
            #[expect(clippy::cast_precision_loss, reason = "ticks between scrapes are few")]
            metrics::cpu_utilization(now.0.saturating_sub(busy) as f64 / passed as f64);
        }
    }
}

/// User and system time of this process in seconds.
pub fn cpu_seconds() -> Option<f64> {
    let ticks = stat_field(11)? + stat_field(12)?;
    #[expect(clippy::cast_precision_loss, reason = "ticks fit for millions of years")]
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Resident memory of this process in bytes.
pub fn resident_bytes() -> Option<u64> {
    Some(stat_field(21)? * rustix::param::page_size() as u64)
}

/// Free bytes, for unprivileged users, on the file system of a directory.
#[expect(clippy::cast_precision_loss, reason = "a figure to be shown")]
pub fn free_bytes(directory: &Path) -> Option<f64> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some((disk.f_bavail * disk.f_frsize) as f64)
}

/// What the machine or container is called.
pub fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// A field of `/proc/self/stat`, counted from 0 behind the command's name, which may hold anything.
fn stat_field(index: usize) -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(index)?.parse().ok()
}

fn publish_memory() {
    if let Some(bytes) = stat_field(20) {
        metrics::sampled(&metrics::PROCESS_VIRTUAL_MEMORY, bytes);
    }
    if let Some(bytes) = resident_bytes() {
        metrics::sampled(&metrics::PROCESS_RESIDENT_MEMORY, bytes);
    }
    if let Some(threads) = stat_field(17) {
        metrics::sampled(&metrics::PROCESS_THREADS, threads);
    }
    if let Some(start) = start_time() {
        metrics::sampled(&metrics::PROCESS_START_TIME, start);
    }
}

/// Unix time in seconds: boot time plus the ticks from boot to start.
fn start_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(
        boot.trim().parse::<u64>().ok()?
            + stat_field(19)? / rustix::param::clock_ticks_per_second(),
    )
}

fn publish_files() {
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        metrics::sampled(&metrics::PROCESS_OPEN_FDS, entries.count() as u64);
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if let Some(max) = limit.current {
        metrics::sampled(&metrics::PROCESS_MAX_FDS, max);
    }
}

fn publish_limits() {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    metrics::sampled(&metrics::SYSTEM_CPUS, cpus as u64);
    if let Some(bytes) = memory_limit() {
        metrics::sampled(&metrics::MEMORY_LIMIT, bytes);
    }
}

/// The control group's limit (version 2, then 1), or the machine's memory.
fn memory_limit() -> Option<u64> {
    let machine = machine_memory()?;
    ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
        .map_or(Some(machine), |limit| Some(limit.min(machine)))
}

fn machine_memory() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

fn publish_disk(data_dir: &Path) {
    if let Ok(disk) = rustix::fs::statvfs(data_dir) {
        metrics::sampled(&metrics::DATA_DISK_SIZE, disk.f_blocks * disk.f_frsize);
        metrics::sampled(&metrics::DATA_DISK_FREE, disk.f_bavail * disk.f_frsize);
    }
}

/// Busy and total ticks of all processors since boot.
fn machine_ticks() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().filter_map(|tick| tick.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    // The last two columns, guest time, are part of the first two already.
    let total = ticks.iter().take(8).sum::<u64>();
    Some((total - idle, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_this_process_are_plausible() {
        assert!(resident_bytes().unwrap() > 1_000_000);
        assert!(cpu_seconds().unwrap() >= 0.0);
        assert!(start_time().unwrap() > 1_600_000_000);
        assert!(memory_limit().unwrap() <= machine_memory().unwrap());
        let (busy, total) = machine_ticks().unwrap();
        assert!(busy < total);
    }
}
