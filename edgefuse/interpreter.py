"""Starting Python modules as processes."""

# What ``python -m`` does, but for the working folder, where a file may bear any module's name: it is searched first
# there, and ``-P``, which forbids that, is not known to Python 3.10.
_RUN_MODULE = (
    "import sys; sys.path[:] = filter(None, sys.path); del sys.argv[0]; "
    "import runpy; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def module_command(python: str, module: str, *arguments: str) -> list[str]:
    """Give the command that runs a module as ``python -m`` does, with nothing imported from the working folder."""
    return [python, "-c", _RUN_MODULE, module, *arguments]
