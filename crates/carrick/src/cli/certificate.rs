//! A certificate for the webhooks of monitoring, signed by an authority whose key nobody keeps.

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use monitoring::install::webhooks::{Certified, host};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// How many years it is good for.
const YEARS: i16 = 10;

/// What the webhooks of a namespace prove with who they are, from now on.
///
/// # Errors
/// If there is no randomness for keys.
pub fn certified(namespace: &str, now: Timestamp) -> Result<Certified> {
    let now = now.to_zoned(TimeZone::UTC);
    let made = || -> Result<Certified, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::<String>::new())?;
        named(&mut authority, "carrick-webhooks");
        good_from(&mut authority, &now);
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let root = authority.self_signed(&key)?;
        let issuer = Issuer::new(authority, key);

        let host = host(namespace);
        let mut own = CertificateParams::new(vec![host.clone()])?;
        named(&mut own, "prometheus-operator-admission-webhook");
        good_from(&mut own, &now);
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        own.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = own.signed_by(&key, &issuer)?;
        Ok(Certified {
            authority: root.pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    };
    made().context("the certificate of the webhooks can't be made")
}

fn named(params: &mut CertificateParams, name: &str) {
    params.distinguished_name.push(DnType::CommonName, name);
}

/// From the first of the month before: clocks of nodes may be late.
fn good_from(params: &mut CertificateParams, now: &Zoned) {
    let month = |month: i8| u8::try_from(month).unwrap_or(1);
    let (year, number) = match now.month() {
        1 => (now.year() - 1, 12),
        other => (now.year(), month(other - 1)),
    };
    params.not_before = rcgen::date_time_ymd(i32::from(year), number, 1);
    params.not_after = rcgen::date_time_ymd(i32::from(now.year() + YEARS), month(now.month()), 1);
}
