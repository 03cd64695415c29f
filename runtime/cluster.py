"""Clusters of one process: what programs for several machines need to run on one.

There is one process here, and one device. What names the tasks of a cluster is accepted; a server
is there for the only one that computes.

Source of the rules: the tf.compat.v1.train documentation of each name.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import attrs

__all__ = ["ClusterSpec", "Server", "replica_device_setter"]

_WAITING_JOBS = ("ps",)
_ADVICE = (
    "There is one process here, which holds all variables. Start the program once, as its only "
    "worker, with a cluster of one worker, for example tf.train.ClusterSpec({'worker': "
    "['localhost:2222']}), or leave the cluster out."
)


class ClusterSpec:
    """The tasks of jobs, and their addresses.

    Source: the ``tf.train.ClusterSpec`` documentation.

    Args:
        cluster: The addresses by job: a list, or a mapping from task numbers; or another
            `ClusterSpec`.

    Raises:
        TypeError: If it is something else.
    """

    def __init__(self, cluster: Any) -> None:
        self._jobs: dict[str, dict[int, str]]
        if isinstance(cluster, ClusterSpec):
            self._jobs = {job: dict(tasks) for job, tasks in cluster._jobs.items()}
            return
        if not isinstance(cluster, Mapping):
            raise TypeError(
                "`cluster` must be a dictionary mapping one or more job names to lists of network "
                f"addresses, or a ClusterSpec, not {cluster!r}"
            )
        self._jobs = {str(job): _tasks(job, tasks) for job, tasks in cluster.items()}

    def as_dict(self) -> dict[str, Any]:
        """The addresses by job: lists, or dictionaries where task numbers are missing.

        Returns:
            A new dictionary.
        """
        return {job: self._plain(tasks) for job, tasks in self._jobs.items()}

    def _plain(self, tasks: dict[int, str]) -> Any:
        return list(tasks.values()) if list(tasks) == list(range(len(tasks))) else dict(tasks)

    @property
    def jobs(self) -> list[str]:
        """The names of jobs."""
        return list(self._jobs)

    def num_tasks(self, job_name: str) -> int:
        """How many tasks a job has.

        Args:
            job_name: The job.

        Returns:
            The number.
        """
        return len(self._job(job_name))

    def task_indices(self, job_name: str) -> list[int]:
        """The numbers of a job's tasks.

        Args:
            job_name: The job.

        Returns:
            A sorted list.
        """
        return sorted(self._job(job_name))

    def task_address(self, job_name: str, task_index: int) -> str:
        """The address of a task.

        Args:
            job_name: The job.
            task_index: The number of the task.

        Returns:
            The address.

        Raises:
            ValueError: If there is no such job or task.
        """
        tasks = self._job(job_name)
        if task_index not in tasks:
            raise ValueError(f"No task with index {task_index!r} in job {job_name!r}")
        return tasks[task_index]

    def job_tasks(self, job_name: str) -> list[str | None]:
        """The addresses of a job's tasks, by number.

        Args:
            job_name: The job.

        Returns:
            A list, with None for numbers that are missing.
        """
        tasks = self._job(job_name)
        return [tasks.get(number) for number in range(max(tasks, default=-1) + 1)]

    def _job(self, name: str) -> dict[int, str]:
        if name not in self._jobs:
            raise ValueError(f"No such job in cluster: {name!r}; there are {self.jobs}")
        return self._jobs[name]

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClusterSpec) and self._jobs == other._jobs

    __hash__ = None  # type: ignore[assignment]  # as TensorFlow's

    def __repr__(self) -> str:
        return f"ClusterSpec({self.as_dict()!r})"


def _tasks(job: Any, tasks: Any) -> dict[int, str]:
    if isinstance(tasks, Mapping):
        return {int(number): str(tasks[number]) for number in sorted(tasks)}
    if isinstance(tasks, (list, tuple)):
        return {number: str(address) for number, address in enumerate(tasks)}
    raise TypeError(f"The tasks for job {job!r} must be a list or dictionary of addresses.")


class Server:
    """The server of the only task that computes; its `target` is that of sessions here.

    Nobody listens at its address.

    Source: the ``tf.distribute.Server`` documentation.

    Args:
        server_or_cluster_def: A `ClusterSpec`, or what one is made of.
        job_name: The job of this task; the only one if None.
        task_index: The number of this task; the only one if None.
        protocol: Without effect.
        config: Without effect.
        start: Without effect.

    Raises:
        NotImplementedError: If several tasks compute.
        ValueError: If there is no such task.
    """

    def __init__(
        self,
        server_or_cluster_def: Any,
        job_name: str | None = None,
        task_index: int | None = None,
        protocol: str | None = None,
        config: Any = None,
        start: bool = True,
    ) -> None:
        cluster = ClusterSpec(server_or_cluster_def)
        computing = [
            (job, number)
            for job in cluster.jobs
            if job not in _WAITING_JOBS
            for number in cluster.task_indices(job)
        ]
        if len(computing) != 1:
            raise NotImplementedError(
                f"A server of a cluster with {len(computing)} tasks that compute: {computing}. "
                f"{_ADVICE}"
            )
        only_job, only_task = computing[0]
        self._job = only_job if job_name is None else job_name
        self._task = only_task if task_index is None else task_index
        cluster.task_address(self._job, self._task)  # does it exist?
        self._cluster = cluster

    @property
    def server_def(self) -> Any:
        """The cluster, the job and the number of this task."""
        return ServerDef(self._cluster, self._job, self._task)

    @property
    def target(self) -> str:
        """What sessions are to be given: the empty string, which means this process."""
        if self._job in _WAITING_JOBS:
            self.join()
        return ""

    def start(self) -> None:
        """Does nothing: it was started."""

    def join(self) -> NoReturn:
        """Raises RuntimeError: nobody would ask this task for anything.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            f"The task {self._task} of job {self._job!r} would wait for others without end. "
            f"{_ADVICE}"
        )

    @staticmethod
    def create_local_server(config: Any = None, start: bool = True) -> "Server":
        """A server of this process alone.

        Args:
            config: Without effect.
            start: Without effect.

        Returns:
            The server.
        """
        return Server({"local": ["localhost:0"]})


@attrs.frozen
class ServerDef:
    """What a server was made with.

    Attributes:
        cluster: The cluster.
        job_name: The job.
        task_index: The number of the task.
    """

    cluster: ClusterSpec
    job_name: str
    task_index: int


def replica_device_setter(
    ps_tasks: int = 0,
    ps_device: str = "/job:ps",
    worker_device: str = "/job:worker",
    merge_devices: bool = True,
    cluster: Any = None,
    ps_ops: Sequence[str] | None = None,
    ps_strategy: Callable[[Any], int] | None = None,
) -> Callable[[Any], str] | None:
    """For ``tf.device``, which makes no difference here.

    Source: the ``tf.compat.v1.train.replica_device_setter`` documentation.

    Args:
        ps_tasks: The number of tasks that hold variables.
        ps_device: Without effect.
        worker_device: The device of operations.
        merge_devices: Without effect.
        cluster: A cluster, whose job ``ps`` tells the number.
        ps_ops: Without effect.
        ps_strategy: Without effect.

    Returns:
        A function of an operation; None if no task holds variables.
    """
    if cluster is not None:
        spec = ClusterSpec(cluster)
        ps_tasks = spec.num_tasks("ps") if "ps" in spec.jobs else 0
    return None if ps_tasks == 0 else lambda operation: worker_device
