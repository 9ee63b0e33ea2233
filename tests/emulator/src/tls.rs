//! A throw-away certificate authority, and a certificate for the names that tests dial.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::StartError;

/// How the emulator speaks TLS: with a certificate for some names, signed by an authority made for the occasion, whose
/// certificate [`crate::Emulator::ca_pem`] gives out.
#[derive(Clone, Debug)]
pub struct Tls {
    names: Vec<String>,
    expired: bool,
}

impl Tls {
    /// A certificate for these host names (`*.` allowed) and IP addresses.
    pub fn for_names<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { names: names.into_iter().map(Into::into).collect(), expired: false }
    }

    /// Makes the certificate one that ran out in 2020.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }
}

/// The acceptor, and the authority's certificate.
pub(crate) fn acceptor(tls: &Tls) -> Result<(TlsAcceptor, String), StartError> {
    let bad = |what: &dyn std::fmt::Display| StartError::setting(format!("no certificate for {:?}: {what}", tls.names));
    let (ca, issuer) = authority().map_err(|error| bad(&error))?;
    let key = KeyPair::generate().map_err(|error| bad(&error))?;
    let certificate = leaf(tls).and_then(|leaf| leaf.signed_by(&key, &issuer)).map_err(|error| bad(&error))?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private));
    let mut config = config.map_err(|error| bad(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), ca))
}

fn authority() -> Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "cos-emulator throw-away CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn leaf(tls: &Tls) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(tls.names.clone())?;
    params.distinguished_name.push(DnType::CommonName, "cos-emulator");
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    if tls.expired {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    Ok(params)
}
