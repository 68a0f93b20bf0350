//! The pipeline: authenticate, find out what is asked, authorise, limit the body, run the verb
//! (`apiserver/pkg/server/config.go`, `apiserver/pkg/endpoints/installer.go`).

pub(crate) mod apply;
mod call;
mod identity;

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use jiff::Timestamp;
use machinery::builtin::validation::NameRule;
use machinery::decode::{Empties, quote};
use machinery::entropy::Entropy;
use machinery::{go_number::parse_uint, meta};

pub(crate) use call::Call;
use identity::check_identity;
pub(crate) use identity::check_names;

use super::authorize::Wanted;
use super::delete::{Deleted, success, warn_of_orphans};
use super::facts;
use super::list_options::{check_list_options, later, list_options, too_large};
use super::negotiate::{negotiate, streams};
use super::options::{create_options, delete_options, time_limit, write_options};
use super::registry::Served;
use super::selection::Selection;
use super::store::{Entry, key};
use super::target::{self, Target};
use super::write::UpdateTarget;
use super::{ApiServer, body, discovery, impersonate, listing, openapi, reply, route};
use crate::instrument::Route;
use crate::request::{Reply, Request, Response, User};
use crate::status_error::ApiError;

/// Largest body of a request, in bytes.
const BODY_LIMIT: usize = 3_145_728;

impl ApiServer {
    /// One run of a request.
    pub(super) fn run(
        &mut self,
        request: &Request,
        now: Timestamp,
        entropy: &mut Entropy,
    ) -> Reply {
        match self.dispatch(request, now, entropy) {
            Ok(reply) => reply,
            Err((error, warnings)) if error.code == 504 && warnings.is_empty() => {
                later(request, &error, now)
            }
            Err((error, warnings)) => {
                Reply::Full(reply::error_response(request, &error, &warnings))
            }
        }
    }

    fn dispatch(
        &mut self,
        request: &Request,
        now: Timestamp,
        entropy: &mut Entropy,
    ) -> Result<Reply, (ApiError, Vec<String>)> {
        let plain = |error: ApiError| (error, Vec::new());
        self.counted = None;
        let (target, user) = self
            .let_in(request)
            .map_err(|error| (error, super::tokens::warnings(request)))?;
        let user = user.as_ref();
        self.check_served_here(&request.path).map_err(plain)?;
        let Some(target) = target else {
            let response = self.documents(request, now);
            return response.map(Reply::Full).map_err(plain);
        };
        if request.body.len() > BODY_LIMIT {
            let message = format!("Request entity too large: limit is {BODY_LIMIT}");
            return Err(plain(ApiError::new(
                413,
                "RequestEntityTooLarge",
                message,
                None,
            )));
        }
        let converted = super::body::from_protobuf(request).map_err(plain)?;
        let request = converted.as_ref().unwrap_or(request);
        let served = self.find(&target).map_err(plain)?;
        route::check_method(request, &served, &target).map_err(plain)?;
        let named = (&*target.namespace, &*target.name, &*target.subresource);
        self.counted = Some(Route::of_resource(request, &served, named));
        super::patch::check_media_type(request, &served, &target).map_err(plain)?;
        let mut warnings = Vec::new();
        if let Some(custom) = served.custom() {
            warnings.extend(custom.deprecation_warning.clone());
        }
        warnings.extend(facts::deprecated(&served).map(str::to_owned));
        let form = match negotiate(request, route::of(request, &served, &target)) {
            Ok(form) => form,
            Err(error) => return Err((error, warnings)),
        };
        let mut call = Call {
            request,
            user,
            target,
            served,
            form,
            now,
            entropy,
            warnings,
            empty: Empties::default(),
            shares_labels: false,
        };
        self.verb(&mut call).map_err(|error| (error, call.warnings))
    }

    /// What the head of a request alone decides: what it names, as whom it acts, and whether they may. 401, 403, or 400
    /// for a `timeout` that is no duration.
    fn let_in<'a>(
        &self,
        request: &'a Request,
    ) -> Result<(Option<Target>, Cow<'a, User>), ApiError> {
        let target = target::parse(&request.path);
        time_limit(request, target.as_ref())?;
        let Some(user) = &request.user else {
            return Err(ApiError::new(401, "Unauthorized", "Unauthorized", None));
        };
        let wanted = Wanted::of(request, target.as_ref());
        let user = match impersonate::asked(&request.headers)? {
            Some(asked) => Cow::Owned(self.impersonate(user, &asked, &wanted.attributes())?),
            None => Cow::Borrowed(user),
        };
        self.authorize(&user, &wanted.attributes())?;
        Ok((target, user))
    }

    /// The reply to a request that is refused whatever its body says, so that nobody has to read that body.
    pub fn refused(&self, request: &Request) -> Option<Response> {
        let error = self.let_in(request).err()?;
        let warnings = super::tokens::warnings(request);
        Some(reply::error_response(request, &error, &warnings))
    }

    fn documents(&mut self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        if let Some(response) = super::exposition::respond(self, request, now) {
            return Ok(response);
        }
        self.counted = Route::of_path(request);
        if let Some(response) = discovery::respond(self, request) {
            return response;
        }
        if let Some(response) = super::tokens::keys::respond(self, request) {
            return response;
        }
        if let Some(response) = openapi::respond(self, request) {
            return Ok(response);
        }
        let mut parts = request.path.split('/').skip(1);
        match (parts.next(), parts.next()) {
            (Some("api"), Some(version)) if !version.is_empty() => {
                Err(ApiError::unknown_resource())
            }
            (Some("apis"), Some(group)) if self.registry.is_builtin_group(group) => {
                Err(ApiError::unknown_resource())
            }
            _ => Err(ApiError::page_not_found()),
        }
    }

    /// What a request that isn't handled would be counted as, if it names a resource.
    pub(crate) fn route_of(&self, request: &Request) -> Option<Route> {
        let target = target::parse(&request.path)?;
        let served = self.find(&target).ok()?;
        let named = (&*target.namespace, &*target.name, &*target.subresource);
        Some(Route::of_resource(request, &served, named))
    }

    /// The resource a path names, or the right 404.
    fn find(&self, target: &Target) -> Result<Arc<Served>, ApiError> {
        let builtin = target.group.is_empty() || self.registry.is_builtin_group(&target.group);
        let unknown = || {
            if builtin {
                ApiError::unknown_resource()
            } else {
                ApiError::page_not_found()
            }
        };
        let served = self
            .registry
            .get(&target.group, &target.version, &target.plural)
            .ok_or_else(unknown)?;
        let own_namespace = target.group.is_empty() && target.plural == "namespaces";
        if !served.resource.namespaced && !target.namespace.is_empty() && !own_namespace {
            return Err(unknown());
        }
        if served.resource.namespaced && target.namespace.is_empty() && !target.name.is_empty() {
            return Err(unknown());
        }
        if !target.subresource.is_empty() {
            let name = target.subresource.split('/').next().unwrap_or_default();
            if !served.has_subresource(name) {
                return Err(if builtin {
                    ApiError::unknown_resource()
                } else {
                    ApiError::not_found(&served.resource, &target.name)
                });
            }
        }
        Ok(served.clone())
    }

    fn verb(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        if call.request.method == Method::HEAD && call.served.custom().is_none() {
            return Err(ApiError::method_not_allowed());
        }
        let name = &call.target.name;
        if let Some(why) = NameRule::PathSegment.complaints(name, false).first() {
            let message = format!("Name parameter invalid: {}: {why}", quote(name));
            return Err(ApiError::bad_request(message));
        }
        if !call.target.subresource.is_empty() {
            return self.subresource(call);
        }
        if let Some(reply) = self.review(call) {
            return reply;
        }
        let (collection, custom) = (call.target.name.is_empty(), call.served.custom().is_some());
        let all_namespaces = call.served.resource.namespaced && call.target.namespace.is_empty();
        let verb = match (call.request.method.as_str(), collection) {
            ("GET" | "HEAD", true) => "list",
            ("GET" | "HEAD", false) => "get",
            ("POST", true) if !all_namespaces => "create",
            ("POST", false) if custom => "create",
            ("PUT" | "PATCH", true) if custom => {
                return Err(ApiError::bad_request("name must be provided"));
            }
            ("PUT", false) => "update",
            ("PATCH", false) => "patch",
            ("DELETE", true) if !all_namespaces => "deletecollection",
            ("DELETE", false) => "delete",
            (method, _) if custom => {
                return Err(ApiError::verb_not_supported(
                    &call.served.resource,
                    route::verb_of(method),
                ));
            }
            _ => return Err(ApiError::method_not_allowed()),
        };
        if !call.served.has_verb(verb) {
            return Err(ApiError::method_not_allowed());
        }
        match verb {
            "list" => self.list_or_watch(call),
            "get" => self.get_object(call),
            "create" => self.create_object(call),
            "update" => self.replace_object(call),
            "patch" => self.patch_object(call),
            "delete" => self.delete_object(call),
            _ => self.delete_objects(call),
        }
    }

    fn list_or_watch(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        check_list_options(call.request)?;
        let selection = Selection::of_request(call.request, &call.served, &call.target.namespace)?;
        let options = list_options(call.request)?;
        if options.watch {
            let served = call.served.clone();
            reply::check_event_form(call.request, &call.form)?;
            streams(&call.form)?;
            let headers = reply::headers("application/json", &call.warnings);
            let id = self.start_watch(
                &served,
                selection,
                &options,
                (call.request, call.form.clone()),
                (call.now, call.entropy),
            )?;
            return Ok(Reply::Watch { id, headers });
        }
        let listed = self.list(&call.served, &selection, &options)?;
        listing::reply(call, listed)
    }

    /// The stored object a call names.
    pub(crate) fn stored(&self, call: &Call<'_>) -> Result<Arc<Entry>, ApiError> {
        let key = key(call.namespace(), &call.target.name);
        let found = self.store.get(&call.served.table, &key);
        found.ok_or_else(|| ApiError::not_found(&call.served.resource, &call.target.name))
    }

    /// GET of an object or of its status.
    pub(crate) fn get_object(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        if let Some(text) = call
            .request
            .query_value("resourceVersion")
            .filter(|text| !text.is_empty())
        {
            let wanted = parse_uint(text).map_err(|why| {
                ApiError::internal(format!(
                    "resourceVersion: Invalid value: {}: {why}",
                    quote(text)
                ))
            })?;
            if wanted > self.revision() {
                return Err(too_large(wanted, self.revision()));
            }
        }
        let entry = self.stored(call)?;
        let entry = self.read_entry(&call.served, &entry)?;
        call.object(200, &entry)
    }

    fn create_object(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = create_options(call.request)?;
        let mut object = body::read(call, options)?;
        // Nobody owns what is the server's to set.
        for key in [
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "uid",
            "creationTimestamp",
        ] {
            meta::metadata_mut(&mut object).remove(key);
        }
        let (served, namespace) = (call.served.clone(), call.namespace().to_owned());
        let mut writer = call.writer(options.dry_run);
        let result = self.create(&served, &namespace, object, &mut writer);
        call.warnings = writer.warnings;
        let entry = result?;
        call.object(201, &entry)
    }

    /// PUT of an object or of a subresource that is the object itself.
    pub(crate) fn replace_object(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = write_options(call.request, "UpdateOptions")?;
        let object = body::read(call, options)?;
        check_identity(call, &object)?;
        let uid = meta::uid(&object).to_owned();
        let served = call.served.clone();
        let (namespace, target) = (call.namespace().to_owned(), call.target.clone());
        let mut writer = call.writer(options.dry_run);
        let update = UpdateTarget {
            served: &served,
            namespace: &namespace,
            name: &target.name,
            subresource: &target.subresource,
            uid: &uid,
            may_create: facts::create_on_update(&served),
        };
        let result = self.replace(update, &mut writer, object);
        call.warnings = writer.warnings;
        let updated = result?;
        call.object(if updated.created { 201 } else { 200 }, &updated.entry)
    }

    /// PATCH of an object or of a subresource that is the object itself.
    pub(crate) fn patch_object(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        if apply::is_apply(call.request) {
            return self.apply_object(call);
        }
        let format = super::patch::format(call.request, &call.served)?;
        let options = write_options(call.request, "PatchOptions")?;
        let request = call.request;
        let (served, target) = (call.served.clone(), call.target.clone());
        let namespace = call.namespace().to_owned();
        let update = UpdateTarget {
            served: &served,
            namespace: &namespace,
            name: &target.name,
            subresource: &target.subresource,
            uid: "",
            may_create: false,
        };
        let mut writer = call.writer(options.dry_run);
        let result = self.update(update, &mut writer, &mut |_, old, writer| {
            // The patch is looked at once there is something to apply it to.
            let patch = super::patch::read(request, format, options.field_validation)?;
            let mode = options.field_validation;
            let (patched, empty) = patch.apply(&served, old, mode, &mut writer.warnings)?;
            writer.empty = empty;
            check_names(&served, &namespace, &target.name, &patched)?;
            Ok(patched)
        });
        call.warnings = writer.warnings;
        let updated = result?;
        call.object(200, &updated.entry)
    }

    fn delete_object(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = delete_options(call.request)?;
        warn_of_orphans(&call.served, &options, &mut call.warnings);
        let (served, target) = (call.served.clone(), call.target.clone());
        let namespace = call.namespace().to_owned();
        let mut writer = call.writer(options.dry_run);
        let result = self.delete(&served, &namespace, &target.name, &options, &mut writer);
        call.warnings = writer.warnings;
        match result? {
            Deleted::Remains(entry) => call.object(
                if options.orphan_dependents == Some(false) {
                    202
                } else {
                    200
                },
                &entry,
            ),
            Deleted::Gone(entry) if facts::answers_deleted(&served) => call.object(200, &entry),
            Deleted::Gone(entry) => {
                let status = success(&served, &entry.value);
                Ok(call.value(200, &status, ("", "v1", "Status")))
            }
        }
    }

    fn delete_objects(&mut self, call: &mut Call<'_>) -> Result<Reply, ApiError> {
        let options = delete_options(call.request)?;
        let selection = Selection::of_request(call.request, &call.served, &call.target.namespace)?;
        // The reply is the list, or the chunk of it, as it was before anything was deleted.
        let mut listed = self.list(&call.served, &selection, &list_options(call.request)?)?;
        warn_of_orphans(&call.served, &options, &mut call.warnings);
        let served = call.served.clone();
        let mut writer = call.writer(options.dry_run);
        let result = self.delete_collection(&served, &listed.entries, &options, &mut writer);
        call.warnings = writer.warnings;
        listed.entries = result?;
        listing::reply(call, listed)
    }
}
