//! What an installed program is asked once: its version, and which discoveries it was built without.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Discoveries that builds may be without, as Debian's are, and ones that older releases don't know.
const DISCOVERIES: &[&str] = &[
    "aws",
    "azure",
    "consul",
    "digitalocean",
    "dns",
    "docker",
    "dockerswarm",
    "ec2",
    "eureka",
    "gce",
    "hetzner",
    "http",
    "ionos",
    "kubernetes",
    "kuma",
    "lightsail",
    "linode",
    "marathon",
    "nerve",
    "nomad",
    "oci",
    "openstack",
    "outscale",
    "ovhcloud",
    "puppetdb",
    "scaleway",
    "serverset",
    "stackit",
    "triton",
    "uyuni",
    "vultr",
    "xds",
];
/// The field of the discovery in Kubernetes.
pub const IN_KUBERNETES: &str = "kubernetes_sd_configs";

/// The version a program says it has, such as `2.42.0`; empty if it says nothing of the kind.
pub fn version(program: &Path) -> String {
    let mut command = Command::new(program);
    command.arg("--version");
    let said = ask(command).unwrap_or_default();
    // `prometheus, version 2.42.0+ds (branch: …`
    let after = said.split(", version ").nth(1).unwrap_or_default();
    let is_part = |c: &char| c.is_ascii_digit() || *c == '.';
    after.chars().take_while(is_part).collect()
}

/// The fields of the discoveries that a Prometheus doesn't know: it reads its configuration before anything else, ends there if
/// it doesn't know a field, and names each of these. One that knows all ends a moment later, since its data would have to be in
/// a file. Of one that can't be asked it is supposed that it can't discover in Kubernetes, and anything else.
pub fn lacking(program: &Path, folder: &Path) -> BTreeSet<String> {
    let fields = || DISCOVERIES.iter().map(|name| format!("{name}_sd_configs"));
    let in_kubernetes = || BTreeSet::from([IN_KUBERNETES.to_owned()]);
    let file = folder.join("can-it-discover.yaml");
    let lines: Vec<String> = fields().map(|field| format!("  {field}: []\n")).collect();
    let probe = format!("scrape_configs:\n- job_name: a\n{}", lines.concat());
    // The first pod has no volumes yet.
    let written = super::volumes::make_private(folder).and_then(|()| std::fs::write(&file, probe));
    if written.is_err() {
        return in_kubernetes();
    }
    let mut command = Command::new(program);
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}/data", file.display()))
        .arg("--web.listen-address=127.0.0.1:0");
    let said = ask(command);
    let _ = std::fs::remove_file(&file);
    let Some(said) = said else {
        return in_kubernetes();
    };
    fields()
        .filter(|field| said.contains(&format!("field {field} not found")))
        .collect()
}

/// Everything a program prints until it ends; `None` if it can't be started or doesn't end.
fn ask(mut command: Command) -> Option<String> {
    let mut child = command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut waited = Duration::ZERO;
    while child.try_wait().ok()?.is_none() {
        if waited >= PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
    let mut said = String::new();
    child.stdout?.read_to_string(&mut said).ok()?;
    child.stderr?.read_to_string(&mut said).ok()?;
    Some(said)
}

/// Major and minor number of a version.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether an installed program is too old for what is made for the version that a pod asks for: it refuses flags and fields it
/// doesn't know. A version that nobody names is never too new.
pub fn is_older(installed: &str, asked: &str) -> bool {
    let releases = release(installed).zip(release(asked));
    releases.is_some_and(|(installed, asked)| installed < asked)
}

/// What to tell somebody whose pod asks for another version than the one installed; `None` if nothing has to be told.
pub fn mismatch(name: &str, asked: &str, installed: &str) -> Option<String> {
    let (asked_release, own) = (release(asked)?, release(installed)?);
    (asked_release != own).then(|| {
        format!(
            "carrick: this is the {name} {installed} of this machine, its arguments and configuration are those of {asked}; if it refuses \
             them, set `spec.version: v{installed}`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_told_and_another_patch_is_not() {
        assert_eq!(mismatch("prometheus", "2.42.1", "2.42.0"), None);
        assert_eq!(mismatch("prometheus", "", "2.42.0"), None);
        let told = mismatch("prometheus", "2.42.1", "3.5.0").unwrap();
        assert!(told.contains("`spec.version: v3.5.0`"), "{told}");
    }

    #[test]
    fn a_program_is_too_old_by_its_minor_number() {
        assert!(is_older("2.42.0", "3.13.2") && is_older("2.9.2", "2.42.0"));
        assert!(!is_older("2.42.0", "2.42.7") && !is_older("3.5.0", "2.42.0"));
        assert!(!is_older("2.42.0", "") && !is_older("", "3.13.2"));
    }

    #[test]
    fn a_program_says_what_it_lacks_before_there_is_any_pod() {
        use std::os::unix::fs::PermissionsExt as _;
        let own = std::env::temp_dir().join(format!("carrick-lacking-{}", std::process::id()));
        std::fs::create_dir_all(&own).unwrap();
        let program = own.join("prometheus");
        let refusing = "#!/bin/sh\necho 'line 5: field consul_sd_configs not found' >&2\nexit 1\n";
        std::fs::write(&program, refusing).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let lacking = lacking(&program, &own.join("pods"));
        std::fs::remove_dir_all(&own).unwrap();
        assert_eq!(lacking, BTreeSet::from(["consul_sd_configs".to_owned()]));
    }

    #[test]
    fn a_program_that_says_nothing_has_no_version() {
        assert_eq!(version(Path::new("/bin/true")), "");
        assert_eq!(version(Path::new("/nowhere")), "");
        let lacking = lacking(Path::new("/nowhere"), &std::env::temp_dir());
        assert_eq!(lacking, BTreeSet::from([IN_KUBERNETES.to_owned()]));
    }
}
