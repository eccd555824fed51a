"""Text channels: patients write, the same dialogs answer, operators take over."""
