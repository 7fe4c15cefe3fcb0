"""Entries that are pushed to this hub: verified, checked for rights, and taken together."""

from dendro_local.errors import InvalidRequest
from dendro_local.file_urls import is_path_part
from dendro_local.local_hub import LocalHub
from dendro_local.local_hub.arriving_jobs import Judged, JudgedApp, JudgedJob
from dendro_local.local_hub.trust import Refused, TrustPolicy
from dendro_local.signed_records import (
    AppEntry,
    BatchReader,
    GoneEntry,
    JobEntry,
    PublicKey,
    ReadBatch,
    decode_entry,
)
from dendro_local.v1 import PutEntries, RefusedEntry

__all__ = ["put_entries"]


def put_entries(
    hub: LocalHub, user_id: str, body: bytes, *, without_files: bool = False
) -> PutEntries:
    """Take the entries of a batch that a user pushes.

    A user who may process jobs of a service is believed in what they give, as when they run them
    by a compute client. So nobody need have signed it; a signature that is there and can be looked
    at must verify, by a key that this hub's owner trusts or the one that the sender shows. Apps
    come along so that the jobs are found; unless the owner of the service gives them, nothing can
    be run by them here.

    Args:
        hub: which takes them.
        user_id: who pushes.
        body: the batch.
        without_files: whether jobs are taken whose files have not been sent: as records alone,
            until the same is pushed with them.

    Raises:
        InvalidRequest: the body is no batch.
    """
    reader = BatchReader()
    batches = list(reader.feed(body))
    if len(batches) != 1 or not reader.is_between_batches():
        raise InvalidRequest("The body must be one whole batch of lines.")
    batch = batches[0]
    refused: list[Refused] = []
    judged = _judged(hub, batch, refused, without_files=without_files)
    _add_services(hub, user_id, judged)
    services = {service.serviceName: service for service in hub.services()}
    taken = hub.arriving.take(
        judged,
        origin=f"user:{user_id}",
        may_take=lambda name: name in services and hub.may_process_jobs(user_id, services[name]),
        may_add_apps=lambda name: name in services and hub.is_owner(user_id, services[name]),
    )
    return PutEntries(
        new=len(taken.new),
        known=len(taken.known) + len(taken.tagged),
        refused=[
            RefusedEntry(
                job_id=each.job_id, code=each.code, reason=each.reason, digests=each.digests
            )
            for each in (*refused, *taken.refused)
        ],
    )


def _judged(
    hub: LocalHub, batch: ReadBatch, refused: list[Refused], *, without_files: bool
) -> list[Judged]:
    own = hub.shared.signing_key.public
    keys = {own.key_id: own}
    with hub.store.reading():
        for key in hub.store.sharing.trusted_keys.all():
            keys[key.key_id] = PublicKey(key.public_key)
    if batch.end.publicKey:
        shown = PublicKey.from_text(batch.end.publicKey)
        keys[shown.key_id] = shown
    policy = TrustPolicy(keys=keys, allow_unsigned=True)
    sender = batch.signed_by(keys.values())
    judged: list[Judged] = []
    for line in batch.lines:
        try:
            entry = decode_entry(line)
            if not isinstance(entry, JobEntry | AppEntry | GoneEntry):
                raise InvalidRequest("A batch ends in the middle of another.")
            found = hub.arriving.judge(entry, policy, sender)
            if isinstance(found, JudgedJob) and not without_files:
                _check_has_blobs(hub, found)
            judged.append(found)
        except InvalidRequest as error:
            refused.append(Refused("structure", str(error)))
        except Refused as error:
            refused.append(error)
    return judged


def _check_has_blobs(hub: LocalHub, judged: JudgedJob) -> None:
    """Refuse a job whose files have not been sent before."""
    for digest in judged.blobs():
        if not hub.store.blobs.has(digest):
            raise Refused(
                "missing",
                f"A file that it left ({digest[:12]}...) has not been sent.",
                judged.record.jobId,
            )


def _add_services(hub: LocalHub, user_id: str, judged: list[Judged]) -> None:
    """Make the services that are lacking, if it is the owner of the hub who pushes."""
    if user_id != hub.user_id:
        return
    there = {service.serviceName for service in hub.services()}
    for each in judged:
        if isinstance(each, JudgedJob):
            name = each.record.serviceName
        elif isinstance(each, JudgedApp) and is_path_part(each.app.serviceName):
            name = each.app.serviceName
        else:
            continue
        if name not in there:
            hub.add_service(name, user_id)
            there.add(name)
