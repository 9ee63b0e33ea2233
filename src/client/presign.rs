use crate::body::Body;
use crate::client::execute::Call;
use crate::error::{Error, Result};
use crate::object::{PostForm, PostPolicy};
use crate::operation::Operation;
use crate::presign::{PresignOptions, Presigned};
use crate::region::BucketName;
use crate::sign;
use crate::time::Clock as _;

impl Call<'_> {
    pub(crate) async fn presign<O: Operation>(&self, operation: &O, options: &PresignOptions) -> Result<Presigned> {
        options.check()?;
        let (mut head, _) = self.place(operation, &self.route.address)?;
        self.overrides.apply(&mut head);
        head.check()?;
        let snapshot = self.signer().credentials().current().await?;
        options.presign(head, snapshot.credentials(), self.engine.clock.now())
    }

    /// A form for this bucket.
    pub(crate) async fn post_form(
        &self,
        policy: &PostPolicy,
        bucket: &BucketName,
        options: &PresignOptions,
    ) -> Result<PostForm> {
        options.check()?;
        if options.bind() {
            return Err(Error::input("options", "bind a form to a host or a length; its policy has limits of its own"));
        }
        let snapshot = self.signer().credentials().current().await?;
        let key = options.key(snapshot.credentials(), self.engine.clock.now())?;
        Ok(policy.form(bucket, &self.route.address, &key))
    }

    pub(crate) async fn sign<O: Operation>(&self, operation: &O) -> Result<http::Request<Body>> {
        let snapshot = self.signer().credentials().current().await?;
        let (mut head, body) = self.describe(operation, &self.route.address, 1)?;
        if let Some(key) = self.signer().key(&snapshot, self.engine.clock.now())? {
            sign::headers(&mut head, &key);
        }
        head.into_request(body)
    }
}
