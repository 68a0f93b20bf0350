//! Where a container's paths are on this machine: its volumes are folders elsewhere, so arguments and variables that name a mount
//! path are rewritten.

use std::path::{Path, PathBuf};

use simulator::nodes::containers::Mount;

/// Mount paths and the folders (or files) they stand for, the longest path first.
pub fn table(mounts: &[Mount], volumes: &Path) -> Vec<(String, PathBuf)> {
    let mut table: Vec<(String, PathBuf)> = mounts
        .iter()
        .map(|mount| {
            let mut folder = volumes.join(&mount.volume);
            if !mount.sub_path.is_empty() {
                folder.push(&mount.sub_path);
            }
            (mount.path.trim_end_matches('/').to_owned(), folder)
        })
        .filter(|(path, _)| path.len() > 1)
        .collect();
    table.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
    table
}

fn is_part_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

/// A text with every mount path in it replaced.
pub fn rewrite(text: &str, table: &[(String, PathBuf)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let begins = !out.ends_with(|c: char| is_part_of_name(c) || c == '/');
        let found = table.iter().filter(|_| begins).find_map(|(path, folder)| {
            let after = rest.strip_prefix(path.as_str())?;
            (!after.starts_with(is_part_of_name)).then_some((folder, after))
        });
        if let Some((folder, after)) = found {
            out.push_str(&folder.to_string_lossy());
            rest = after;
            continue;
        }
        let mut characters = rest.chars();
        out.extend(characters.next());
        rest = characters.as_str();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_paths_are_replaced_as_whole_names_only() {
        let mount = |volume: &str, path: &str, sub_path: &str| Mount {
            volume: volume.to_owned(),
            path: path.to_owned(),
            sub_path: sub_path.to_owned(),
        };
        let mounts = [
            mount("config", "/etc/app", ""),
            mount("rules", "/etc/app/rules/", ""),
            mount("web", "/web.yaml", "web.yaml"),
        ];
        let table = table(&mounts, Path::new("/v"));
        let rewritten = |text: &str| rewrite(text, &table);
        assert_eq!(
            rewritten("--config=/etc/app/a.yml"),
            "--config=/v/config/a.yml"
        );
        assert_eq!(
            rewritten("/etc/app/rules/x,/etc/app"),
            "/v/rules/x,/v/config"
        );
        assert_eq!(rewritten("/etc/apple /x/etc/app"), "/etc/apple /x/etc/app");
        assert_eq!(rewritten("f:/web.yaml"), "f:/v/web/web.yaml");
    }
}
