"""From a list of links to clips: videos found or fetched, cut, cropped, checked, and all of it written down."""
