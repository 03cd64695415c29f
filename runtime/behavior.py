"""Switches between TensorFlow's first and second behaviour, which programs of the first one call.

There is only the first behaviour here: graphs and sessions. What switches to it does nothing; what
switches to the second one is an error.
"""

from collections.abc import Callable
from typing import Final, NoReturn

from runtime.graph.export import export

__all__ = ["VERSION"]

VERSION: Final = "1.15.0"
"""The version of TensorFlow whose interface this is."""

_ACCEPTED: Final = (
    "disable_v2_behavior",
    "disable_eager_execution",
    "disable_v2_tensorshape",
    "disable_tensor_equality",
    "disable_resource_variables",
    "enable_resource_variables",
    "disable_control_flow_v2",
    "enable_control_flow_v2",
)
_REFUSED: Final = ("enable_v2_behavior", "enable_eager_execution", "enable_tensor_equality")


def _accepting(name: str) -> Callable[[], None]:
    def accept() -> None:
        """Does nothing: it is so already, or makes no difference here."""

    accept.__name__ = accept.__qualname__ = name
    return accept


def _refusing(name: str) -> Callable[[], NoReturn]:
    def refuse() -> NoReturn:
        """Raises RuntimeError: there are only graphs and sessions here.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(
            f"tf.{name}() asks for TensorFlow 2's behaviour, which does not exist here: this is "
            "TensorFlow 1's interface of graphs and sessions. Leave the call out."
        )

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


for _name in _ACCEPTED:
    export(_name)(_accepting(_name))
for _name in _REFUSED:
    export(_name)(_refusing(_name))


@export("executing_eagerly")
def executing_eagerly() -> bool:
    """Whether operations run when they are made.

    Returns:
        False: they run in sessions.
    """
    return False


@export("resource_variables_enabled")
def resource_variables_enabled() -> bool:
    """Whether variables are resource variables.

    Returns:
        False.
    """
    return False


@export("test.is_gpu_available")
def is_gpu_available(
    cuda_only: bool = False, min_cuda_compute_capability: tuple[int, int] | None = None
) -> bool:
    """Whether there is a GPU that operations run on.

    Args:
        cuda_only: Ignored.
        min_cuda_compute_capability: Ignored.

    Returns:
        False: NumPy computes.
    """
    return False


@export("test.gpu_device_name")
def gpu_device_name() -> str:
    """The name of a GPU that operations run on.

    Returns:
        An empty string: there is none.
    """
    return ""


@export("test.is_built_with_cuda")
def is_built_with_cuda() -> bool:
    """Whether operations could run on a GPU.

    Returns:
        False.
    """
    return False
