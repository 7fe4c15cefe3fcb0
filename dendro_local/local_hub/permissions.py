"""Who may do what: users known by their keys, and their rights on services.

The user whose store it is may do everything. Others have the rights that a service gives them;
its owner has them all, and an admin may change who has which, and so has them too.

A service may let everybody create jobs: whoever has a key, by the user id ``*``. That is all it can
let everybody do. Whoever processes jobs sees what they take, their secrets among it, and what they
give back is believed by all who submit the same; and an admin could take the service over. Nor
may everybody delete what others have made, as those may whom the service names.
"""

from collections.abc import Sequence

from dendro_local.errors import InvalidRequest, NotAllowed
from dendro_local.local_hub.parts import Part
from dendro_local.model import Job, Service, ServiceUser
from dendro_local.store.users import is_use_worth_noting

__all__ = ["ANYBODY", "Permissions", "check_service_users"]

ANYBODY = "*"
"""In the users of a service: everybody who has a key. No user can be called so."""

MAX_USERS = 1000


class Permissions(Part):
    """What is asked about users before anything is done for them."""

    def user_of_key(self, key: str) -> str | None:
        """The id of the user whose API key this is; None if it is nobody's."""
        with self.store.reading():
            found = self.store.users.by_key(key)
            if found is None:
                return None
            if is_use_worth_noting(found):
                self.store.users.note_use(found)
        return found.user_id

    def may_create_jobs(self, user_id: str, service: Service) -> bool:
        """Whether a user may have jobs done on a service."""
        return self.is_owner(user_id, service) or any(
            user.userId in (user_id, ANYBODY) and (user.createJobs or user.admin)
            for user in service.users
        )

    def may_process_jobs(self, user_id: str, service: Service) -> bool:
        """Whether a user may run jobs of a service."""
        return self.is_owner(user_id, service) or any(
            user.userId == user_id and (user.processJobs or user.admin) for user in service.users
        )

    def may_administer(self, user_id: str, service: Service) -> bool:
        """Whether a user may say who may do what on a service."""
        return self.is_owner(user_id, service) or any(
            user.userId == user_id and user.admin for user in service.users
        )

    def is_owner(self, user_id: str, service: Service) -> bool:
        """Whether a user may do everything with a service, such as change its apps."""
        return user_id in (service.userId, self.user_id)

    def may_change(self, user_id: str, job: Job) -> bool:
        """Whether a user may cancel a job: their own, or one of a service of theirs."""
        if user_id in (job.userId, self.user_id):
            return True
        service = self._service_of(job)
        return service is not None and self.may_administer(user_id, service)

    def may_delete(self, user_id: str, job: Job) -> bool:
        """Whether a user may delete a job: their own, or one of a service that names them.

        It must let them create jobs, and not only because it lets everybody.
        """
        if user_id in (job.userId, self.user_id):
            return True
        service = self._service_of(job)
        return service is not None and (
            self.is_owner(user_id, service)
            or any(
                user.userId == user_id and (user.createJobs or user.admin) for user in service.users
            )
        )

    def check_may_change(self, user_id: str, job: Job) -> None:
        """Refuse a user who may not change a job.

        Raises:
            NotAllowed: says whose it is.
        """
        if not self.may_change(user_id, job):
            raise NotAllowed(
                f"Job {job.jobId} belongs to {job.userId}, and {user_id} is no admin of service "
                f"{job.serviceName}."
            )

    def _service_of(self, job: Job) -> Service | None:
        with self.store.reading():
            return self.store.services.get(job.serviceName)


def check_service_users(users: Sequence[ServiceUser]) -> None:
    """Refuse users that a service cannot have.

    Raises:
        InvalidRequest: one is named twice, or everybody would have a right that they cannot have.
    """
    if len(users) > MAX_USERS:
        raise InvalidRequest(f"A service has at most {MAX_USERS} users.")
    named: set[str] = set()
    for user in users:
        if not user.userId or user.userId in named:
            raise InvalidRequest(f"The users of a service name {user.userId!r} twice, or nobody.")
        named.add(user.userId)
        if user.userId == ANYBODY and (user.admin or user.processJobs):
            raise InvalidRequest(
                f"The user {ANYBODY!r} of a service is everybody who has a key, and can only be "
                "given createJobs: whoever processes jobs sees their secrets and is believed in "
                "what they give."
            )
