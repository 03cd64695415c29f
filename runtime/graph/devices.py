"""Names of devices, which TensorFlow gives one form and puts together from nested blocks."""

import re
from collections.abc import Iterable
from typing import Any, Final

from runtime.graph.export import export

_SHORT: Final = re.compile(r"(?:device:)?(cpu|gpu|tpu)(?::(\d+|\*))?", re.IGNORECASE)


@export("DeviceSpec")
class DeviceSpec:
    """The parts of a device's name.

    Source: the ``tf.compat.v1.DeviceSpec`` documentation.

    Args:
        job: The job.
        replica: The replica's number.
        task: The task's number.
        device_type: The kind of device, such as ``"CPU"``.
        device_index: Its number; None for any.

    Attributes:
        job: The job.
        replica: The replica's number.
        task: The task's number.
        device_type: The kind of device.
        device_index: Its number.
    """

    def __init__(
        self,
        job: str | None = None,
        replica: int | None = None,
        task: int | None = None,
        device_type: str | None = None,
        device_index: int | None = None,
    ) -> None:
        self.job = job
        self.replica = replica
        self.task = task
        self.device_type = device_type.upper() if device_type in ("cpu", "gpu") else device_type
        self.device_index = device_index

    @classmethod
    def from_string(cls, spec: str) -> "DeviceSpec":
        """Reads a name.

        Args:
            spec: For example ``"/job:worker/task:1/cpu:0"``.

        Returns:
            Its parts.

        Raises:
            ValueError: If it is no name of a device.
        """
        found = cls()
        for part in filter(None, spec.split("/")):
            found._read(part, spec)
        return found

    def _read(self, part: str, whole: str) -> None:
        key, _, value = part.partition(":")
        if key == "job" and value:
            self.job = value
        elif key in ("replica", "task") and value.isdecimal():
            setattr(self, key, int(value))
        elif (short := _SHORT.fullmatch(part)) is not None:
            self._set_device(short.group(1).upper(), short.group(2))
        elif key == "device" and value:
            self._set_device(*value.partition(":")[::2])
        else:
            raise ValueError(
                f"Unknown attribute {part!r} is encountered while parsing the device spec "
                f"{whole!r}. It looks like '/job:worker/replica:0/task:1/device:CPU:0', with any "
                "of its parts."
            )

    def _set_device(self, kind: str, index: str | None) -> None:
        self.device_type = kind
        self.device_index = int(index) if index and index != "*" else None

    def to_string(self) -> str:
        """The name in its one form, for example ``"/job:worker/device:CPU:0"``."""
        parts = [("job", self.job), ("replica", self.replica), ("task", self.task)]
        name = "".join([f"/{key}:{value}" for key, value in parts if value is not None])
        if self.device_type is None:
            return name
        index = "*" if self.device_index is None else self.device_index
        return f"{name}/device:{self.device_type}:{index}"

    def merge_from(self, dev: "DeviceSpec") -> None:
        """Takes over what another spec says.

        Args:
            dev: The other.
        """
        for name in ("job", "replica", "task"):
            if getattr(dev, name) is not None:
                setattr(self, name, getattr(dev, name))
        if dev.device_type is not None:
            self.device_type, self.device_index = dev.device_type, dev.device_index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceSpec) and self.to_string() == other.to_string()

    def __hash__(self) -> int:
        return hash(self.to_string())

    def __str__(self) -> str:
        return self.to_string()


def placed(op: Any, devices: Iterable[Any]) -> str:
    """The device that nested blocks ask for.

    Args:
        op: The operation, for blocks that are functions of it.
        devices: What the blocks say, the outermost first: names, `DeviceSpec`, functions, None to
            forget those around.

    Returns:
        The name; empty if none asks for one.
    """
    found = DeviceSpec()
    for device in devices:
        wanted = device(op) if callable(device) else device
        if device is None:
            found = DeviceSpec()
        elif wanted:
            found.merge_from(DeviceSpec.from_string(str(wanted)))
    return found.to_string()
