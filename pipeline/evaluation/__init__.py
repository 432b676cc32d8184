"""What a model's probabilities are worth.

- `records.py`: one model's evaluation: labels, probabilities, class names, history
- `metrics.py`: numbers from labels and probabilities
- `significance.py`: what the test images can tell: intervals, and which models differ
- `extending.py`: what add-ons add: to an evaluation, to the report, beside it
- `comparison.py`: all models side by side in tables, and the verdict; the words beneath are in `*.jinja`
- `summary.py`: the same in Markdown, from the template `summary.md.jinja`
- `checks.py`: metrics against the limits of `gate`
"""
