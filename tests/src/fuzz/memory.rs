//! How much memory this process needed at most since it was asked to forget, from the kernel; nothing where it doesn't say.

use std::fs;

fn field(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let word = line.trim_start_matches(':').split_whitespace().next()?;
    word.parse().ok()
}

/// Measures a stretch.
pub struct Peak {
    before: u64,
}

impl Peak {
    /// From here on.
    pub fn begin() -> Option<Self> {
        fs::write("/proc/self/clear_refs", "5").ok()?;
        Some(Self {
            before: field("VmRSS")?,
        })
    }

    /// MiB that were needed at most meanwhile beside what was there at the beginning.
    pub fn grown(&self) -> Option<u64> {
        Some(field("VmHWM")?.saturating_sub(self.before) / 1024)
    }
}
