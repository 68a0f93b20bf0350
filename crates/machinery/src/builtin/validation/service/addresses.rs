//! Cluster addresses and families of a service, and how an update may change them.

use std::collections::BTreeSet;

use super::{FIXED, is_headless};
use crate::builtin::validation::read::{At, Errors};
use crate::builtin::validation::{BadValue, net};

fn list(at: &At<'_>) -> BadValue {
    at.dump("[]string")
}

/// The addresses as they stand.
pub fn cluster_ips(spec: &At<'_>, errors: &mut Errors) {
    if spec.child("type").text() == "ExternalName" {
        return;
    }
    let (single, ips) = (spec.child("clusterIP"), spec.child("clusterIPs"));
    let items = ips.items();
    match items.first() {
        None if !single.is_empty() => errors.push(ips.required("")),
        Some(_) if single.is_empty() => {
            errors.push(ips.invalid_as(
                list(&ips),
                "must be empty when `clusterIP` is not specified",
            ));
        }
        Some(first) if first.text() != single.text() => {
            errors.push(ips.invalid_as(list(&ips), "first value must match `clusterIP`"));
        }
        None | Some(_) => {}
    }
    families(spec, errors);
    let before = errors.len();
    for (index, ip) in items.iter().enumerate() {
        if index == 0 && ip.text() == "None" {
            if items.len() > 1 {
                errors.push(ips.invalid_as(list(&ips), "'None' must be the first and only value"));
            }
        } else {
            net::legacy_ip(ip, errors);
        }
    }
    let broken = errors.len() > before;
    if items.len() > 2 {
        errors.push(ips.invalid_as(list(&ips), "may only hold up to 2 values"));
    }
    if broken {
        return;
    }
    let six: Vec<bool> = items.iter().map(|ip| ip.text().contains(':')).collect();
    if items.len() > 1 && !(six.contains(&true) && six.contains(&false)) {
        errors.push(ips.invalid_as(
            list(&ips),
            "may specify no more than one IP for each IP family",
        ));
    }
    if is_headless(spec) {
        return;
    }
    indicated_families(spec, &items, errors);
}

fn indicated_families(spec: &At<'_>, ips: &[At<'_>], errors: &mut Errors) {
    for (index, (ip, family)) in ips.iter().zip(spec.child("ipFamilies").items()).enumerate() {
        let expected = family.text();
        let actual = if ip.text().contains(':') {
            "IPv6"
        } else {
            "IPv4"
        };
        if matches!(expected, "IPv4" | "IPv6") && expected != actual {
            errors.push(ip.invalid(format!(
                "expected an {expected} value as indicated by `ipFamilies[{index}]`"
            )));
        }
    }
}

fn families(spec: &At<'_>, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for family in spec.child("ipFamilies").items() {
        if !["IPv4", "IPv6"].contains(&family.text()) {
            errors.push(family.not_supported(&["IPv4", "IPv6"]));
        }
        if !seen.insert(family.text()) {
            errors.push(family.duplicate());
        }
    }
    let policy = spec.child("ipFamilyPolicy");
    let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
    if policy.is_set() && !policies.contains(&policy.text()) {
        errors.push(policy.not_supported(&policies));
    }
}

/// What an update changes of addresses and families.
pub fn changes(spec: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    let external = |spec: &At<'_>| spec.child("type").text() == "ExternalName";
    if !external(spec) && !external(old) {
        cluster_ips_change(spec, old, errors);
        families_change(spec, old, errors);
    }
}

fn texts(at: &At<'_>) -> Vec<String> {
    at.items()
        .iter()
        .map(|item| item.text().to_owned())
        .collect()
}

fn cluster_ips_change(spec: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if is_headless(spec) && is_headless(old) {
        return;
    }
    let ips = spec.child("clusterIPs");
    let (now, before) = (texts(&ips), texts(&old.child("clusterIPs")));
    let fixed = |index: usize, detail: &str| {
        ips.moved(format!("{}[{index}]", ips.path()))
            .invalid_as(list(&ips), detail)
    };
    if now.len() == before.len() {
        for (index, _) in now
            .iter()
            .zip(&before)
            .enumerate()
            .filter(|(_, (now, before))| now != before)
        {
            errors.push(fixed(index, FIXED));
        }
        return;
    }
    if now.len() < before.len() && now.is_empty() {
        errors.push(fixed(0, "primary clusterIP can not be unset"));
    }
    if let (Some(now), Some(before)) = (now.first(), before.first())
        && now != before
    {
        errors.push(fixed(0, FIXED));
    }
    released(spec, now.len(), before.len(), "clusterIP", errors);
}

fn families_change(spec: &At<'_>, old: &At<'_>, errors: &mut Errors) {
    if is_headless(spec) || is_headless(old) {
        return;
    }
    let families = spec.child("ipFamilies");
    let (now, before) = (texts(&families), texts(&old.child("ipFamilies")));
    let first = families.moved(format!("{}[0]", families.path()));
    if now.len() == before.len() {
        for _ in now
            .iter()
            .zip(&before)
            .filter(|(now, before)| now != before)
        {
            errors.push(first.invalid_as(list(&families), FIXED));
        }
        return;
    }
    let ips = spec.child("clusterIPs");
    if now.len() < before.len() && ips.is_empty() {
        errors.push(first.invalid_as(list(&families), "primary ipFamily can not be unset"));
    }
    if let (Some(now), Some(before)) = (now.first(), before.first())
        && now != before
    {
        errors.push(first.invalid_as(list(&ips), FIXED));
    }
    released(spec, now.len(), before.len(), "ipFamily", errors);
}

/// Giving up the second address or family must be said.
fn released(spec: &At<'_>, now: usize, before: usize, what: &str, errors: &mut Errors) {
    let policy = spec.child("ipFamilyPolicy");
    if now == 1 && before > 1 && policy.text() != "SingleStack" {
        let detail = format!("must be set to 'SingleStack' when releasing the secondary {what}");
        errors.push(policy.invalid_as(policy.dump("*string"), detail));
    }
}
