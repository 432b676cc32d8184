"""Templates of Jinja2, beside the modules that fill them in."""

import jinja2


def load(package: str, name: str) -> jinja2.Template:
    """Load a template from a package's folder; in `*.html.jinja`, values are escaped; a missing one is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(package, ""),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.jinja",)),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    return environment.get_template(name)
